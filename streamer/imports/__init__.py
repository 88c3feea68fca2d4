"""Importing a file into the running service: write it, follow it to its end, report the result.

Here lives the writer and its progress. File formats are in ``streamer.sources``.
"""
