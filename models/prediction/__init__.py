"""Purchase predictions: one weekly hazard, rolled forward under silence, learned by a recursion. Pure.

Reading order: ``records`` (a customer's inputs), ``features``, ``hazard`` (from weights to probabilities),
``recursion`` (how weights are learned), ``judge``.
"""
