"""The simulated shop: archetypes, customers, baskets, noise, scenarios with their truth.

Here live events and their truth, a function of a seed. Nothing here knows Kafka; the demo's live writer
is in ``streamer.demo``.
"""
