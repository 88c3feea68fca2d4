"""Who will buy again: one weekly hazard, rolled forward under silence, learned by a recursion. Pure.

Read in this order: ``records`` (what is known of a customer), ``features``, ``hazard`` (from weights to probabilities),
``recursion`` (how weights are learned), ``judge``.
"""
