"""k-means on the panel: the first fit and the challenger (k-means++ and Lloyd), and the warm-started weekly update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.behaviour.layout import FloatArray, IntArray

PART = 500
"""Number of customers on which the challenger of a weekly update starts; its final steps use all."""
_STARTS = 8
"""Starts of a half-panel fit. With 3, poor local optima cause half the disagreement between two halves."""
_GROWTH = 1.75
_NEGLIGIBLE = 0.01  # differences between disagreements below this carry no information


@dataclass(frozen=True, slots=True)
class Fit:
    """Centroids (k, axes), the index of each point's nearest (n,), and the sum of squared distances."""

    centroids: FloatArray
    labels: IntArray
    inertia: float


def nearest(z: FloatArray, centroids: FloatArray) -> Fit:
    """Assign points (n, axes) to fixed centroids."""
    # Omit |z|^2, which is the same for all centroids, so that one BLAS product remains.
    scores = z @ (-2 * centroids.T) + (centroids**2).sum(axis=1)
    labels = scores.argmin(axis=1)
    inertia = float(scores[np.arange(len(z)), labels].sum() + (z**2).sum())
    return Fit(centroids, labels, max(inertia, 0.0))


def lloyd(z: FloatArray, centroids: FloatArray, steps: int = 50) -> Fit:
    """Run Lloyd steps until convergence; a centroid without members moves to the point farthest from its own."""
    fit = nearest(z, centroids)
    for _ in range(steps):
        counts = np.bincount(fit.labels, minlength=len(centroids))
        moved = (
            np.stack([np.bincount(fit.labels, weights=column, minlength=len(centroids)) for column in z.T], axis=1)
            / np.maximum(counts, 1)[:, None]
        )
        for empty in np.flatnonzero(counts == 0):
            worst = ((z - fit.centroids[fit.labels]) ** 2).sum(axis=1).argmax()
            moved[empty] = z[worst]
        again = nearest(z, moved)
        if np.array_equal(again.labels, fit.labels):
            return again
        fit = again
    return fit


def plus_plus(z: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """Return initial centroids by Arthur & Vassilvitskii, *k-means++* (SODA 2007)."""
    chosen = [z[rng.integers(len(z))]]
    squared = ((z - chosen[0]) ** 2).sum(axis=1)
    for _ in range(1, k):
        total = squared.sum()
        at = rng.choice(len(z), p=squared / total) if total > 0 else rng.integers(len(z))
        chosen.append(z[at])
        squared = np.minimum(squared, ((z - chosen[-1]) ** 2).sum(axis=1))
    return np.stack(chosen)


def multi_start(z: FloatArray, k: int, rng: np.random.Generator, starts: int = 10) -> Fit:
    """Return the best of several k-means++ starts."""
    return min((lloyd(z, plus_plus(z, k, rng)) for _ in range(starts)), key=lambda fit: fit.inertia)


def random_part(z: FloatArray, rng: np.random.Generator, most: int = PART) -> FloatArray:
    """Return at most ``most`` of the points, in random order."""
    return z[rng.permutation(len(z))[:most]]


def weekly(z: FloatArray, centroids: FloatArray, rng: np.random.Generator, steps: int) -> tuple[Fit, Fit]:
    """Return a weekly update on points (n, axes): a few Lloyd steps from ``centroids``, and a fresh fit as challenger.

    The fresh fit starts from PART of the points, and the best start is finished on all.
    """
    k = len(centroids)
    return lloyd(z, centroids, steps), lloyd(z, multi_start(random_part(z, rng), k, rng).centroids)


def served(z: FloatArray, centroids: FloatArray) -> Fit:
    """Assign points (n, axes) to fixed centroids; a centroid without members moves to the worst served point."""
    fit = nearest(z, centroids)
    counts = np.bincount(fit.labels, minlength=len(centroids))
    if (counts > 0).all() or len(np.unique(z, axis=0)) < len(centroids):
        return fit
    moved = centroids.copy()
    moved[int(counts.argmin())] = z[((z - fit.centroids[fit.labels]) ** 2).sum(axis=1).argmax()]
    return served(z, moved)


def adjusted_rand(a: IntArray, b: IntArray) -> float:
    """Return the adjusted Rand index of two labellings (Hubert & Arabie, 1985): 1 if equal, 0 at chance level."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: FloatArray) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, left, right = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    everything = len(a) * (len(a) - 1) / 2
    expected = left * right / everything if everything else 0.0
    most = (left + right) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def stability(
    z: FloatArray, ks: range, rng: np.random.Generator, splits: int = 6, sample: int = 1600
) -> dict[int, float]:
    """Return for each k the mean agreement, over random halves, of two half-panel fits applied to all points."""
    if len(z) > sample:
        z = z[np.sort(rng.permutation(len(z))[:sample])]
    halves = [rng.permutation(len(z)) for _ in range(splits)]
    found = {}
    for k in ks:
        agreements = []
        for order in halves:
            one, two = (
                nearest(z, multi_start(z[half], k, rng, starts=_STARTS).centroids).labels
                for half in (order[: len(z) // 2], order[len(z) // 2 :])
            )
            agreements.append(adjusted_rand(one, two))
        found[k] = float(np.mean(agreements))
    return found


def choose_k(stable: dict[int, float], enough: float = 0.9, slack: float = 0.02) -> int:
    """Return the largest k that is stable ``enough`` and hardly less so than smaller k, or else the largest near the
    best.

    A k that is clearly less stable than a smaller one splits a true group. Fewer groups are easier to reproduce, so
    each step between the two may lose ``slack``. If a smaller k is reproduced almost perfectly, disagreement may grow
    by at most _GROWTH per step.
    """

    def holds(k: int) -> bool:
        value = stable[k]
        return value >= enough and all(
            value >= stable[less] - slack * (k - less)
            and 1 - value <= max(_GROWTH ** (k - less) * (1 - stable[less]), _NEGLIGIBLE)
            for less in stable
            if less < k
        )

    fine = [k for k in stable if holds(k)]
    if fine:
        return max(fine)
    best = max(stable.values())
    return max(k for k, value in stable.items() if value >= best - slack)
