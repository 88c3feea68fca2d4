"""Evaluate the segments: on simulated shops with known truth, and on any file of events.

Read in this order: ``activity`` (what customers did, as columns), ``bench`` (the fast driver), ``metrics``
(the figures), ``peers`` (other clusterers on the same stream), ``retail`` (files of events), ``report``.
"""
