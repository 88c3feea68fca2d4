"""The simulated shop: archetypes, customers, baskets, noise, and scenarios with their truth.

Events and their truth are a function of a seed. Nothing here depends on Kafka; the demo's live writer is in
``streamer.demo``.
"""
