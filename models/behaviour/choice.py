"""Which frame suits a shop: fitted both ways on the panel, and judged by the shop's own past.

Earlier looks at the panel are divided into segments in either frame, each with the number of segments that is stable in
it. What these say about the money spent since, and how many customers flip from look to look, decide. The standard frame
is taken unless the other is clearly better, since on orders alone whitening forgets what predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from models.behaviour.build import Sample
from models.behaviour.features import feature_rows
from models.behaviour.frame import fit_priors, into_frame, standard
from models.behaviour.kmeans import multi_start, nearest
from models.behaviour.layout import FEATURES, FloatArray, IntArray, SingleArray
from models.behaviour.model import Frame
from models.behaviour.whitening import LEAST_PAIRS, noise_whitened

KINDS: Final = ("standard", "noise_whitened", "auto")
SPACING_DAYS: Final = 28
"""Days between looks that are kept; the diary's windows, so that spend between looks is known."""
KEPT_LOOKS: Final = 5
LEAST_LAG_DAYS: Final = 28
FOLLOWING_WINDOWS: Final = 3
"""Windows of 28 days after a look whose spend the segments are asked about: about 90 days."""
_WORSE: Final = 0.95  # least share of the standard frame's eta^2 that the whitened one must keep


@dataclass(frozen=True, slots=True)
class PastLook:
    """What the panel was at an earlier grid day: ids, and L + R of each, (VECTOR, n) float32."""

    day: int
    customers: tuple[str, ...]
    stats: SingleArray

    def without(self, customer: str) -> PastLook:
        """The same look as if the customer had not been there."""
        if customer not in self.customers:
            return self
        at = self.customers.index(customer)
        return PastLook(self.day, self.customers[:at] + self.customers[at + 1 :], np.delete(self.stats, at, axis=1))


def features_under(stats: FloatArray, frame: Frame) -> FloatArray:
    """Features (n, FEATURES) of statistics under the priors of a frame."""
    return np.ascontiguousarray(feature_rows(stats, frame.priors)[:FEATURES].T)


def seen_in_both(sample: Sample, past: PastLook) -> tuple[IntArray, IntArray]:
    """Places in the sample and in the past look of the customers who are in both."""
    place = {customer: at for at, customer in enumerate(past.customers)}
    rows = [(at, place[customer]) for at, customer in enumerate(sample.customers) if customer in place]
    both = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def fit_frame(
    kind: str,
    sample: Sample,
    looks: list[PastLook],
    k_of: Callable[[FloatArray], int],
    rng: np.random.Generator,
    figures: dict[str, float],
) -> Frame:
    """The frame of that kind for the sample. With ``auto``, ``figures`` say what decided.

    Without an earlier look at enough customers noise is not known, and the frame is the standard one.

    Parameters
    ----------
    k_of
        The number of segments that points would be divided into.
    """
    priors = fit_priors(sample.stats)
    x = np.ascontiguousarray(feature_rows(sample.stats, priors)[:FEATURES].T)
    plain = standard(x, priors)
    old = [look for look in looks if sample.day - look.day >= LEAST_LAG_DAYS]
    if kind == "standard" or not old:
        return plain
    now, then = seen_in_both(sample, old[-1])
    if len(now) < LEAST_PAIRS:
        return plain
    before = np.ascontiguousarray(feature_rows(old[-1].stats[:, then].astype(np.float64), priors)[:FEATURES].T)
    white = noise_whitened(x, priors, (now, before, sample.day - old[-1].day))
    if kind == "noise_whitened":
        return white
    judged = {frame.kind: _judged(frame, sample, old, k_of, rng) for frame in (plain, white)}
    for name, found in judged.items():
        figures.update({f"{name}_{figure}": value for figure, value in found.items()})
    return white if clearly_better(judged["noise_whitened"], judged["standard"]) else plain


def clearly_better(white: Mapping[str, float], plain: Mapping[str, float]) -> bool:
    """Whether whitening tells as many groups apart, keeps what they say about the future, and holds customers stiller."""
    if white["k"] < plain["k"] or white["eta2"] < _WORSE * plain["eta2"]:
        return False
    return white["k"] > plain["k"] or white["flips"] < plain["flips"]


def why(figures: Mapping[str, float]) -> str | None:
    """In words what decided between the frames; None where nothing was to be decided.

    >>> why({"standard_k": 6, "standard_eta2": 0.29, "standard_flips": 0.2,
    ...      "noise_whitened_k": 6, "noise_whitened_eta2": 0.18, "noise_whitened_flips": 0.1})
    'standard: 6 segments explain 29.0 % of the spend of the following 90 days and 20.0 % of customers flip in four weeks; noise_whitened: 6 segments, 18.0 %, 10.0 %'
    """
    if "noise_whitened_eta2" not in figures or "standard_eta2" not in figures:
        return None
    found = {kind: {name: figures[f"{kind}_{name}"] for name in ("k", "eta2", "flips")} for kind in KINDS[:2]}
    chosen, other = (
        ("noise_whitened", "standard") if clearly_better(found["noise_whitened"], found["standard"]) else KINDS[:2]
    )
    a, b = found[chosen], found[other]
    return (
        f"{chosen}: {a['k']:.0f} segments explain {100 * a['eta2']:.1f} % of the spend of the following 90 days and "
        f"{100 * a['flips']:.1f} % of customers flip in four weeks; "
        f"{other}: {b['k']:.0f} segments, {100 * b['eta2']:.1f} %, {100 * b['flips']:.1f} %"
    )


def _judged(
    frame: Frame,
    sample: Sample,
    looks: list[PastLook],
    k_of: Callable[[FloatArray], int],
    rng: np.random.Generator,
) -> dict[str, float]:
    """The number of segments, eta^2 of the following spend, and flips from look to look."""
    z = sample.points(frame)
    k = k_of(z)
    fit = multi_start(z, k, rng)
    values, weights = [], []
    labels: dict[int, dict[str, int]] = {}
    for look in looks:
        found = nearest(into_frame(features_under(look.stats.astype(np.float64), frame), frame), fit.centroids).labels
        labels[look.day] = dict(zip(look.customers, found.tolist(), strict=True))
        now, then = seen_in_both(sample, look)
        spend, windows = _spend_after(sample, now, look.day)
        if windows and len(now) >= LEAST_PAIRS:
            values.append(eta2(found[then], np.log1p(spend)))
            weights.append(windows)
    labels[sample.day] = dict(zip(sample.customers, fit.labels.tolist(), strict=True))
    return {
        "k": float(k),
        "eta2": float(np.average(values, weights=weights)) if values else 0.0,
        "flips": _flips([labels[day] for day in sorted(labels)]),
    }


def _spend_after(sample: Sample, rows: IntArray, day: int) -> tuple[FloatArray, int]:
    """Money spent by the customers in the whole windows after ``day``, and how many windows these are."""
    first = -(-day // SPACING_DAYS)
    end = min(sample.day // SPACING_DAYS, first + FOLLOWING_WINDOWS)
    spend = [sum(sample.diaries[row].money(window) for window in range(first, end)) for row in rows.tolist()]
    return np.maximum(np.array(spend, dtype=np.float64), 0.0), max(end - first, 0)


def _flips(labels: list[dict[str, int]]) -> float:
    """Share of customers in another cluster at a look than at the one before, over all looks."""
    moved = seen = 0
    for before, after in pairwise(labels):
        both = before.keys() & after.keys()
        seen += len(both)
        moved += sum(before[customer] != after[customer] for customer in both)
    return moved / seen if seen else 0.0


def eta2(labels: IntArray, values: FloatArray) -> float:
    """Share of the variance of ``values`` that the groups explain."""
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total <= 0:
        return 0.0
    count = np.bincount(labels)
    mean = np.bincount(labels, weights=values) / np.maximum(count, 1)
    return float((count * (mean - values.mean()) ** 2).sum()) / total
