"""A lane's life: own a partition, restore, take batches, commit, update the view; and the Faust app that feeds it.

This package holds the lane protocol, its ports and its wire formats. Decisions are in ``streamer.core``; clients of
real servers are in ``streamer.adapters``.
"""
