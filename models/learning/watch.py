"""Changes of the clusters and of the customers' shares since publication."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from models.behaviour.layout import IntArray
from models.behaviour.model import ClusterModel


def stability_index(shares: Sequence[float], labels: IntArray) -> float:
    """Return the population stability index of segment shares against those in the published model; .1 is high.

    Stationary shops stay below .006, a season reaches .03, a new kind of customer .03 to .08.
    """
    born = np.maximum(np.array(shares), 1e-3)
    now = np.maximum(np.bincount(labels, minlength=len(born)) / max(len(labels), 1), 1e-3)
    return float(((now - born) * np.log(now / born)).sum())


def shift_between(old: ClusterModel, new: ClusterModel) -> tuple[dict[str, float], float]:
    """Return the distance each centroid moved over its nearest gap, by segment id, and the largest log ratio of a rate.

    Both models must have the same segments.
    """
    before = np.array([s.centroid for s in old.segments])
    after = np.array([s.centroid for s in new.segments])
    gaps = np.sqrt(((before[:, None] - before[None]) ** 2).sum(axis=2))
    np.fill_diagonal(gaps, np.inf)
    nearest_gap = gaps.min(axis=1) if old.k > 1 else np.ones(1)
    moved = np.sqrt(((after - before) ** 2).sum(axis=1)) / nearest_gap
    rates = max(
        abs(log(mine / theirs))
        for a, b in zip(old.segments, new.segments, strict=True)
        for mine, theirs in ((a.order_rate, b.order_rate), (a.click_rate, b.click_rate))
    )
    return dict(zip((s.segment_id for s in old.segments), moved.tolist(), strict=True)), rates
