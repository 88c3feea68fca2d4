"""Import a file into the running service: write it, follow its progress, report the result.

This package contains the writer and its progress. File formats are in ``streamer.sources``.
"""
