"""Segments declared by rules and bands: the TOML language, compiled conditions, assignment, and the next move by time.

Here live definitions and their evaluation. Clusters are in ``models.behaviour`` and ``models.learning``.
"""
