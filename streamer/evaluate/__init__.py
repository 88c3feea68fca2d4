"""Evaluates the segments, on simulated shops with known truth and on any file of events.

Reading order: ``activity`` (the input, as columns), ``bench`` (the fast driver), ``metrics``, ``peers`` (other
clusterers on the same stream), ``retail`` (files of events), ``report``.
"""
