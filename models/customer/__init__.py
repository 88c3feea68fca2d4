"""What is remembered of one customer: statistics, order book, profile, dedupe window, and their stored form.

Here live state, fold laws and merging. Features derived from it are in ``models.features``.
"""
