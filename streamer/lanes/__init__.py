"""Run a lane: own a partition, restore, take batches, commit, update the view. Includes the Faust app that feeds it.

This package contains the lane protocol, its ports and its wire formats. Decisions are in ``streamer.core``; clients of
real servers are in ``streamer.adapters``.
"""
