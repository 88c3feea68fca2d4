"""Challengers of the live predictions: other learners that answer the same questions and are compared on later data.

Pure functions over arrays. scikit-learn (the extra ``evaluate``) is imported only when a learner is created.
"""
