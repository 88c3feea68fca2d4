"""Run processes: the worker app, its composition and its supervision.

This package handles start, stop, restarts and health. The work itself is in ``streamer.lanes`` and ``streamer.owner``.
"""
