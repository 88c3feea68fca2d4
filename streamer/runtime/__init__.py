"""Processes: the worker app, its composition, and its supervision.

Here live start, stop, restarts and health. What a process does is in ``streamer.lanes`` and
``streamer.owner``.
"""
