"""Readers of a shop's files: CSV by mappings, JSON lines, Online Retail; and the records an import makes of them.

Here live formats, mappings and values. Writing to Kafka is in ``streamer.imports``; running a file
in-process is in ``streamer.replay``.
"""
