"""The metrics of segments, defined as in the design notes.

All of them use labels over time: an array (days + 1, customers) of codes at each grid day; 0 and 1 mean no cluster. The
truth has the same shape and holds the archetype, -1 before the customer joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.behaviour.layout import NEW, BoolArray, IntArray
from models.learning.kmeans import adjusted_rand

FROM_DAY = 150
"""First day on which labels are evaluated: the clusters are fitted at days 90, 120 and 150."""
AGE_DAYS = 45
SETTLED_DAYS = 90
"""Days after the customer's last true change from which on a move is spurious."""
SEEN_WITHIN_DAYS = 90
STAY_DAYS = 8
BOUNCE_DAYS = 30
_EVERY = 5  # days between two comparisons of partitions

Labels = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Truth:
    """The customers' true kinds.

    Attributes
    ----------
    kind
        Shape (days + 1, customers): archetype at each grid day, -1 before joining.
    met
        Shape (customers,): day of the first event.
    changed
        Shape (customers,): grid day of the last true change, or a day long ago.
    after
        Shape (customers,): archetype after that change, -1 without one.
    gap
        Shape (customers,): usual days between orders before that change; None for shops without this metric.
    regular
        Shape (customers,): whether the customer keeps a rhythm throughout.
    stopped
        Index of the kind that never orders again, -1 for none.
    """

    kind: NDArray[np.int8]
    met: IntArray
    changed: IntArray
    after: IntArray
    gap: NDArray[np.float64] | None = None
    regular: BoolArray | None = None
    stopped: int = -1


LONG_AGO = -10_000


@dataclass(frozen=True, slots=True)
class Scores:
    """The metrics of one run. Rates of moves are per 1,000 events of the evaluated days.

    Attributes
    ----------
    ari
        Adjusted Rand index to the truth on the last day, for all customers with evidence.
    ari_settled
        Mean over the evaluated days, without customers who truly changed in the last SETTLED_DAYS days.
    ari_all
        Mean over the evaluated days, for all customers. It also measures the delay of detection, so even an ideal
        method is far from 1.
    """

    ari: float
    ari_settled: float
    ari_all: float
    coverage: float
    spurious: float
    away: float
    toward: float
    bounce: float
    detected: float
    delay: float
    moves: int
    segments: int


def judge(labels: Labels, truth: Truth, events: IntArray, evidence: BoolArray) -> Scores:
    """Compute the metrics of labels (days + 1, customers).

    Parameters
    ----------
    events
        Shape (days,), number of events on each day.
    evidence
        Shape (days + 1, customers): whether the customer has enough evidence for a cluster. Customers without it are
        excluded from ARI and coverage; those with evidence but without a cluster count as a separate group.
    """
    days = len(labels) - 1
    owner = majority(labels, truth.kind)
    at, customer, before, after = moves_of(labels)
    spurious = (at - truth.changed[customer] > SETTLED_DAYS) | (truth.changed[customer] > at)
    spurious &= at - truth.met[customer] > AGE_DAYS
    right = truth.kind[at, customer]
    was, now = owner[before] == right, owner[after] == right
    per = 1_000 / max(int(events[FROM_DAY:].sum()), 1)
    detected, delay = detection(labels, truth, owner)
    looks = range(FROM_DAY, days + 1, _EVERY)
    return Scores(
        ari=agreement(labels, truth, evidence, days),
        ari_settled=float(np.mean([agreement(labels, truth, evidence, day, settled=True) for day in looks])),
        ari_all=float(np.mean([agreement(labels, truth, evidence, day) for day in looks])),
        coverage=float(np.mean([_covered(labels, truth, evidence, day) for day in looks])),
        spurious=float(spurious.sum()) * per,
        away=float((spurious & was & ~now).sum()) * per,
        toward=float((spurious & ~was & now).sum()) * per,
        bounce=bounce(labels),
        detected=detected,
        delay=delay,
        moves=len(at),
        segments=len(np.unique(labels[days][labels[days] > NEW])),
    )


def moves_of(labels: Labels, first: int = FROM_DAY) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the published changes from day ``first`` on: grid day, customer, code before and after.

    The first move out of ``new`` is not a change; a move back to it is one.
    """
    tail = labels[first:]
    step, customer = np.nonzero((tail[1:] != tail[:-1]) & (tail[:-1] > NEW))
    before, after = tail[step, customer], tail[step + 1, customer]
    return step + 1 + first, customer, before.astype(np.int64), after.astype(np.int64)


def majority(labels: Labels, kind: NDArray[np.int8]) -> IntArray:
    """Return for each code the most frequent archetype of its customer-days from FROM_DAY on; -2 for no cluster."""
    codes, kinds = labels[FROM_DAY:].ravel().astype(np.int64), kind[FROM_DAY:].ravel().astype(np.int64)
    there = kinds >= 0
    table = np.zeros((max(int(labels.max()), NEW) + 1, int(kinds.max()) + 1), dtype=np.int64)
    np.add.at(table, (codes[there], kinds[there]), 1)
    owner: IntArray = table.argmax(axis=1)
    owner[: NEW + 1] = -2
    owner[table.sum(axis=1) == 0] = -2
    return owner


def bounce(labels: Labels, first: int = FROM_DAY) -> float:
    """Return the share of changes undone within BOUNCE_DAYS.

    Changes in the last BOUNCE_DAYS days are excluded, since their future is unknown.
    """
    days = len(labels) - 1
    at, customer, before, _ = moves_of(labels, first)
    known = at <= days - BOUNCE_DAYS
    if not known.any():
        return 0.0
    at, customer, before = at[known], customer[known], before[known]
    back = np.zeros(len(at), dtype=np.bool_)
    for later in range(1, BOUNCE_DAYS + 1):
        back |= labels[at + later, customer] == before
    return float(back.mean())


def detection(labels: Labels, truth: Truth, owner: IntArray) -> tuple[float, float]:
    """Return the share of true movers who reach the right segment in time and stay, and the median delay in days.

    "In time" means within SEEN_WITHIN_DAYS, "stay" at least STAY_DAYS. Movers before FROM_DAY, and those whose time
    extends beyond the end, are excluded.
    """
    days = len(labels) - 1
    changed = truth.changed
    movers = np.flatnonzero((changed >= FROM_DAY) & (changed + SEEN_WITHIN_DAYS + STAY_DAYS <= days))
    if not movers.size:
        return float("nan"), float("nan")
    right = owner[labels[:, movers]] == truth.after[movers]
    delays = np.full(len(movers), np.inf)
    for delay in range(SEEN_WITHIN_DAYS, -1, -1):
        begin = changed[movers] + delay
        stays = np.ones(len(movers), dtype=np.bool_)
        for later in range(STAY_DAYS):
            stays &= right[begin + later, np.arange(len(movers))]
        delays[stays] = delay
    seen = np.isfinite(delays)
    return float(seen.mean()), float(np.median(delays[seen])) if seen.any() else float("nan")


def agreement(labels: Labels, truth: Truth, evidence: BoolArray, day: int, settled: bool = False) -> float:
    """Return the adjusted Rand index to the truth on a day; ``settled`` excludes customers who truly changed recently."""
    chosen = (day - truth.met > AGE_DAYS) & evidence[day] & (truth.kind[day] >= 0)
    if settled:
        chosen &= (truth.changed > day) | (day - truth.changed > SETTLED_DAYS)
    if not chosen.any():
        return 0.0
    return adjusted_rand(
        np.maximum(labels[day, chosen].astype(np.int64), NEW), truth.kind[day, chosen].astype(np.int64)
    )


def _covered(labels: Labels, truth: Truth, evidence: BoolArray, day: int) -> float:
    chosen = (day - truth.met > AGE_DAYS) & evidence[day]
    return float((labels[day, chosen] > NEW).mean()) if chosen.any() else 1.0
