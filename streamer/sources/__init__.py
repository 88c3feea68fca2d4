"""Readers of a shop's files (CSV by mappings, JSON lines, Online Retail), and the records an import makes of them.

This package holds formats, mappings and values. ``streamer.imports`` writes to Kafka; ``streamer.replay`` runs a file
in-process.
"""
