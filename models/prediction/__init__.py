"""Purchase predictions: one weekly hazard, rolled forward without orders, learned by a recursion. Pure functions.

Reading order: ``records`` (a customer's inputs), ``features``, ``hazard`` (from weights to probabilities),
``recursion`` (how weights are learned), ``judge``.
"""
