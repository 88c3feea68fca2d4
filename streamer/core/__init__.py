"""The pure core of a lane: it takes a batch of records and the lane's state and returns every effect as a value.

This package holds decode, decide and the types they use. It has no Kafka, Redis, Faust, asyncio, environment or wall
clock: code that needs one of these belongs in ``streamer.lanes`` or above.
"""
