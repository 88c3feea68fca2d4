"""The pure core of a lane: a batch of records and the lane's state go in, everything that follows comes out.

Here live decode, decide and what they work on. No Kafka, Redis, Faust, asyncio, environment or wall clock:
code that needs one of these belongs in ``streamer.lanes`` or above.
"""
