"""Read a shop's files (CSV by mappings, JSON lines, Online Retail) and make the records of an import.

This package contains formats, mappings and values. ``streamer.imports`` writes the records to Kafka;
``streamer.replay`` processes a file in-process.
"""
