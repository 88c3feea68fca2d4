"""The model owner: reads the panel topic, runs the learner, and publishes model versions to every lane.

This package holds its protocol and its restart. The learning itself is in ``models.learning``.
"""
