"""Tests whether the groups of a clustering can be distinguished, in the units of features and in nats.

Agreement between two halves of a panel (``kmeans.stability``) shows that a partition is reproducible, not that groups
exist: phases of a rhythm, or slices of one cloud, are perfectly stable. So groups must differ by an amount that a
person would notice, and their members' pasts must show to which of two groups they belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.behaviour.features import NAMES
from models.behaviour.layout import BoolArray, FloatArray, IntArray
from models.behaviour.likelihood import log_likelihood, unfolded
from models.behaviour.model import VOLUME, Frame
from models.behaviour.tables import fit_table
from models.learning.build import Sample
from models.learning.diary import phi, sigma2
from models.learning.kmeans import Fit, multi_start

A_QUARTER: Final = 0.22
"""Log of 1.25: the minimum difference between two groups for separate names."""
VISIBLE: Final = {"discount_share": 0.10, "breadth": 0.35}
"""The same minimum for features that are not logs, in their own units."""
SEPARABLE_NATS: Final = 1.6
"""Mean nats by which a member's past must favour its own group over the next one. Identical customers cut into any
number of parts reach .9 at most, the groups of the simulated shops 2.2 and more."""
SEPARABLE_HALVES: Final = 1.1
"""Like SEPARABLE_NATS, for two halves by volume. Volume is a matter of degree, so more levels need only visible steps.
"""
_MOST_NATS: Final = 30.0
_VISIBLE: FloatArray = np.array([VISIBLE.get(name, A_QUARTER) for name in NAMES])


def supported(
    sample: Sample, frame: Frame, k: int, rng: np.random.Generator, figures: dict[str, float]
) -> tuple[int, Fit]:
    """Return the largest number of groups up to ``k`` that are pairwise distinguishable, and these groups.

    Sets in ``figures`` ``told_apart_<k>``, the nats between the closest two groups for each number tried, and
    ``supported_k``.
    """
    z = sample.points(frame)
    if frame.kind == VOLUME and k > 1:
        figures["told_apart_2"] = nats_apart(sample, multi_start(z, 2, rng), frame)
        if figures["told_apart_2"] < SEPARABLE_HALVES:
            k = 1
    fit = multi_start(z, k, rng)
    while k > 1 and not _all_differ(sample, fit, frame, figures):
        k -= 1
        fit = multi_start(z, k, rng)
    figures["supported_k"] = float(k)
    return k, fit


def _all_differ(sample: Sample, fit: Fit, frame: Frame, figures: dict[str, float]) -> bool:
    if steps_apart(sample, fit, frame) < 1.0:
        return False
    if frame.kind == VOLUME:
        return True
    nats = figures[f"told_apart_{len(fit.centroids)}"] = nats_apart(sample, fit, frame)
    return nats >= SEPARABLE_NATS


def steps_apart(sample: Sample, fit: Fit, frame: Frame) -> float:
    """Return the difference of the two most similar groups in their most distinct feature, where 1 is just visible."""
    k = len(fit.centroids)
    if (np.bincount(fit.labels, minlength=k) == 0).any():
        return 0.0
    x = np.clip(sample.features(frame), np.array(frame.low), np.array(frame.high))
    means = means_of(x, fit.labels, k)
    used = np.array([any(row) for row in frame.weights])
    apart = (np.abs(means[:, None] - means[None]) / _VISIBLE)[:, :, used].max(axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(apart.min())


def nats_apart(sample: Sample, fit: Fit, frame: Frame) -> float:
    """Return the mean log-likelihood ratio of a member's past, own group against another, for the two closest groups.

    Computed in both directions for each pair of groups, so that a small group counts as much as a large one.
    """
    k = len(fit.centroids)
    members = [fit.labels == i for i in range(k)]
    if min(int(m.sum()) for m in members) < 2:
        return 0.0
    score = _scores(sample, members, frame)
    means = np.stack(
        [np.minimum(score[i, mine] - score[:, mine], _MOST_NATS).mean(axis=1) for i, mine in enumerate(members)]
    )
    both = (means + means.T) / 2
    np.fill_diagonal(both, _MOST_NATS)
    return float(both.min())


def nats_gained(sample: Sample, fit: Fit, frame: Frame) -> float:
    """Return the mean gain, in nats, of explaining a customer's past by a mixture of the groups instead of a single
    group.

    In one group the members' rates vary by a Gamma distribution. Two parts of such a continuum explain it worse than
    the whole, so their gain is negative.
    """
    k = len(fit.centroids)
    members = [fit.labels == i for i in range(k)]
    if min(int(m.sum()) for m in members) < 2:
        return 0.0
    shares = np.array([m.mean() for m in members])
    score = _scores(sample, members, frame) + np.log(shares)[:, None]
    best = score.max(axis=0)
    mixture = best + np.log(np.exp(score - best).sum(axis=0))
    everybody = _scores(sample, [np.ones(len(fit.labels), dtype=np.bool_)], frame)[0]
    return float((mixture - everybody).mean())


def _scores(sample: Sample, members: Sequence[BoolArray], frame: Frame) -> FloatArray:
    """Return the log-likelihood of each customer's past in each group of ``members``, (k, n)."""
    stats, spread = sample.under(frame.priors.gap_cv2), sigma2(sample.diaries)
    priors = frame.priors
    tables = [fit_table(stats[:, m], spread, priors.log_basket, priors.discount) for m in members]
    found = log_likelihood(stats, unfolded(tables, spread, phi(sample.diaries, sample.day)), sample.regular(priors))
    score: FloatArray = found.sum(axis=0)
    return score


def means_of(x: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Return the mean features of each group, (k, FEATURES); zeros for an empty one."""
    count = np.maximum(np.bincount(labels, minlength=k), 1)
    return np.stack([np.bincount(labels, weights=column, minlength=k) / count for column in x.T], axis=1)
