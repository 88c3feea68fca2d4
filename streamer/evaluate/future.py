"""Predictive value of a division of the customers on one day for the days after, compared with an exact division."""

from __future__ import annotations

import numpy as np

from models.behaviour.layout import BoolArray, FloatArray, IntArray
from models.learning.backtest import eta2


def auc(labels: IntArray, again: BoolArray) -> float:
    """Return the AUC of "buys again" if each customer is scored with the group's share of repeat buyers.

    Ties count half (Mann and Whitney, 1947).
    """
    count = np.bincount(labels)
    share = np.bincount(labels, weights=again.astype(np.float64)) / np.maximum(count, 1)
    order = np.argsort(share)
    positives = np.bincount(labels, weights=again.astype(np.float64), minlength=len(count))[order]
    negatives = count[order] - positives
    both = positives.sum() * negatives.sum()
    if both == 0:
        return float("nan")
    wins = below = 0.0
    at = 0
    ranked = share[order]
    while at < len(order):
        end = at
        while end < len(order) and ranked[end] == ranked[at]:
            end += 1
        p, n = positives[at:end].sum(), negatives[at:end].sum()
        wins += p * (below + n / 2)
        below += n
        at = end
    return float(wins / both)


def explained(labels: IntArray, spend: FloatArray, orders: FloatArray) -> tuple[float, float]:
    """Return eta^2 of log(1 + spend), and the AUC of buying again."""
    return eta2(labels, np.log1p(np.maximum(spend, 0.0))), auc(labels, orders > 0)


def thirds(recency: FloatArray, frequency: FloatArray) -> IntArray:
    """Return the nine cells of recency and frequency thirds; equal values share a cell."""

    def third(values: FloatArray) -> IntArray:
        low, high = np.quantile(values, (1 / 3, 2 / 3))
        return np.asarray((values > low).astype(np.int64) + (values > high))

    return 3 * third(recency) + third(frequency)
