"""The model owner: reads the panel topic, lets the learner learn, publishes versions into every lane.

Here live its protocol and its restart. What is learned, and how, is in ``models.learning``.
"""
