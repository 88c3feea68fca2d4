"""Segmentations declared by rules and bands: the TOML language, compiled conditions, assignment, and dues.

This package holds definitions and their evaluation. Clusters are in ``models.behaviour`` and ``models.learning``.
"""
