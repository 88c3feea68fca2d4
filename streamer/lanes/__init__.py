"""A lane's life: own a partition, restore, take batches, commit, show; and the Faust app that carries batches to it.

Here live the lane protocol, its ports and the bytes that it writes. Decisions are in ``streamer.core``;
clients of real servers are in ``streamer.adapters``.
"""
