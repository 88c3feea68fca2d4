"""Backtest of a frame on the shop's own past: how well its segments predict later spend, and how stable they are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.behaviour.features import feature_rows
from models.behaviour.layout import FEATURES, FloatArray, IntArray, SingleArray
from models.behaviour.model import Frame
from models.behaviour.sums import plain_sum
from models.learning.build import Sample
from models.learning.frame import into_frame
from models.learning.kmeans import choose_k, multi_start, nearest, stability
from models.learning.whitening import LEAST_PAIRS

SPACING_DAYS = 28
"""Days between noise samples; equal to the diary's windows, so that spend between samples is known."""
FOLLOWING_WINDOWS = 3
"""Windows of 28 days after a sample whose spend the segments should predict: about 90 days."""


@dataclass(frozen=True, slots=True)
class NoiseSample:
    """The panel at an earlier grid day: ids, and L + R of each, (VECTOR, n) float32."""

    day: int
    customers: tuple[str, ...]
    stats: SingleArray

    def without(self, customer: str) -> NoiseSample:
        """Return the same sample without one customer."""
        if customer not in self.customers:
            return self
        at = self.customers.index(customer)
        return NoiseSample(self.day, self.customers[:at] + self.customers[at + 1 :], np.delete(self.stats, at, axis=1))


@dataclass(frozen=True, slots=True)
class Backtest:
    """The result of a backtest of one frame.

    Attributes
    ----------
    k
        Number of segments used.
    stability
        Agreement (ARI) between the clusterings of two halves of the panel.
    eta2
        Share of the variance of log spend in the following 90 days that earlier segments explain.
    flips
        Share of customers in another segment four weeks later.
    """

    k: int
    stability: float
    eta2: float
    flips: float


def backtest(
    frame: Frame, sample: Sample, noise_samples: list[NoiseSample], ks: range, rng: np.random.Generator
) -> Backtest:
    """Backtest a frame on earlier noise samples, with the number of segments out of ``ks`` that is stable in it."""
    z = sample.points(frame)
    stable = stability(z, ks, rng)
    k = choose_k(stable)
    fit = multi_start(z, k, rng)
    values, weights = [], []
    labels: dict[int, dict[str, int]] = {}
    for noise in noise_samples:
        found = nearest(into_frame(features_under(noise.stats.astype(np.float64), frame), frame), fit.centroids).labels
        labels[noise.day] = dict(zip(noise.customers, found.tolist(), strict=True))
        now, then = seen_in_both(sample, noise)
        spend, windows = _spend_after(sample, now, noise.day)
        if windows and len(now) >= LEAST_PAIRS:
            values.append(eta2(found[then], np.log1p(spend)))
            weights.append(windows)
    labels[sample.day] = dict(zip(sample.customers, fit.labels.tolist(), strict=True))
    explained = float(np.average(values, weights=weights)) if values else 0.0
    return Backtest(k, stable[k], explained, _flips([labels[day] for day in sorted(labels)]))


def features_under(stats: FloatArray, frame: Frame) -> FloatArray:
    """Return the features (n, FEATURES) of statistics under the priors of a frame."""
    return np.ascontiguousarray(feature_rows(stats, frame.priors)[:FEATURES].T)


def seen_in_both(sample: Sample, past: NoiseSample) -> tuple[IntArray, IntArray]:
    """Return the indices in the sample and in the noise sample of the customers present in both."""
    place = {customer: at for at, customer in enumerate(past.customers)}
    rows = [(at, place[customer]) for at, customer in enumerate(sample.customers) if customer in place]
    both = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _spend_after(sample: Sample, rows: IntArray, day: int) -> tuple[FloatArray, int]:
    """Spend of the customers in the whole windows after ``day``, minor units, and the number of windows."""
    first = -(-day // SPACING_DAYS)
    end = min(sample.day // SPACING_DAYS, first + FOLLOWING_WINDOWS)
    spend = [plain_sum(sample.diaries[row].money(window) for window in range(first, end)) for row in rows.tolist()]
    return np.maximum(np.array(spend, dtype=np.float64), 0.0), max(end - first, 0)


def _flips(labels: list[dict[str, int]]) -> float:
    """Return the share of customers whose cluster differs from that in the previous sample, over all samples."""
    moved = seen = 0
    for before, after in pairwise(labels):
        both = before.keys() & after.keys()
        seen += len(both)
        moved += sum(before[customer] != after[customer] for customer in both)
    return moved / seen if seen else 0.0


def eta2(labels: IntArray, values: FloatArray) -> float:
    """Return the share of the variance of ``values`` that the groups explain."""
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total <= 0:
        return 0.0
    count = np.bincount(labels)
    mean = np.bincount(labels, weights=values) / np.maximum(count, 1)
    return float((count * (mean - values.mean()) ** 2).sum()) / total
