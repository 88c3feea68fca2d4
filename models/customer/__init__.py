"""The stored state of one customer: statistics, order book, profile and dedupe window, and their encoding.

This package holds the state, the fold laws and merging. ``models.features`` derives features from it.
"""
