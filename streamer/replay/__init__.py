"""Run the core in-process: replay a file, preview definitions, compare with a live lane.

This package runs without servers. Its commands are in ``streamer.commands``; files are read in ``streamer.sources``.
"""
