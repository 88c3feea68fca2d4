"""Metrics for shops whose buyers keep a rhythm: moves without a change, and delay in detecting a stop."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from models.behaviour.layout import BoolArray, IntArray
from streamer.evaluate.activity import Activity
from streamer.evaluate.bench import Run
from streamer.evaluate.metrics import AGE_DAYS, FROM_DAY, SETTLED_DAYS, STAY_DAYS, Labels, Truth, majority

GAPS: Final = 1.5
"""Number of usual gaps after the last order within which a stop should be detected."""
MONTH: Final = 30.0


@dataclass(frozen=True, slots=True)
class Stillness:
    """Metrics from day FROM_DAY on, without moves of cause ``refit``, which trigger no messages.

    Attributes
    ----------
    own
        Moves per 1,000 events of customers who have not changed for SETTLED_DAYS days.
    monthly
        The same per 1,000 customer-months, comparable between shops with and without clicks.
    regulars_moved
        Share of customers with a rhythm who never changed but were moved; NaN if none has a rhythm.
    stops_seen
        Share of customers who stopped for good and entered, to stay, a segment of such customers within GAPS usual gaps
        after their next order was due; NaN if none stops.
    """

    own: float
    monthly: float
    regulars_moved: float
    stops_seen: float


def stillness(run: Run, activity: Activity, truth: Truth) -> Stillness:
    """Compute the metrics of a run."""
    moves = [m for m in run.moves if m.from_id not in (None, "new") and m.cause != "refit"]
    at = np.array([m.day - activity.first_day for m in moves], dtype=np.int64)
    who = np.array([m.row for m in moves], dtype=np.int64)
    judged = (at > FROM_DAY) & (at - truth.met[who] > AGE_DAYS)
    since = at - truth.changed[who]
    spurious = judged & ((since > SETTLED_DAYS) | (since < 0))
    events = max(int(activity.events[FROM_DAY:].sum()), 1)
    lived = np.minimum(activity.days - truth.met, activity.days - FROM_DAY).clip(min=0)
    return Stillness(
        own=1_000 * float(spurious.sum()) / events,
        monthly=1_000 * MONTH * float(spurious.sum()) / max(float(lived.sum()), 1.0),
        regulars_moved=_regulars_moved(truth, who[judged]),
        stops_seen=_stops_seen(run.labels, activity, truth),
    )


def _regulars_moved(truth: Truth, movers: IntArray) -> float:
    if truth.regular is None or not truth.regular.any():
        return nan
    true_all_along: BoolArray = truth.regular & (truth.after < 0)
    return float(len(np.unique(movers[true_all_along[movers]])))


def _stops_seen(labels: Labels, activity: Activity, truth: Truth) -> float:
    """Return ``stops_seen``, for customers who stopped from FROM_DAY on and early enough to be detected by the end."""
    if truth.gap is None or truth.stopped < 0:
        return nan
    last = np.full(len(activity.customers), -1, dtype=np.int64)
    np.maximum.at(last, activity.customer, activity.day)
    stopped = np.flatnonzero((truth.after == truth.stopped) & (truth.changed >= FROM_DAY))
    owner = majority(labels, truth.kind)
    seen, count = 0, 0
    for customer in stopped.tolist():
        # Labels of grid day d include events until d - 1.
        latest = int(last[customer] + 1 + (1 + GAPS) * truth.gap[customer])
        if latest + STAY_DAYS >= len(labels):
            continue
        count += 1
        there = owner[labels[last[customer] : latest + STAY_DAYS, customer]] == truth.stopped
        seen += bool(there[-STAY_DAYS:].all())
    return seen / count if count else nan
