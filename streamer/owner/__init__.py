"""Run the model owner: read the panel topic, run the learner, and publish model versions to every lane.

This package contains its protocol and its restart. The learning itself is in ``models.learning``.
"""
