"""Challengers of the live predictions: other learners on the same questions, searched, judged on later time, compared.

Pure functions over arrays. scikit-learn (the extra ``evaluate``) is imported where a learner is made.
"""
