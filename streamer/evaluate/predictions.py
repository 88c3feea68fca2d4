"""Evaluates predictions on a history: weekly questions in order, learned when their week is over.

Each is compared with the outcomes of later days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.bucket import B_MONEY, B_ORDERS
from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.panel import panel_rank
from models.prediction.features import NAMES, features, total
from models.prediction.hazard import WEEK, logistic, within
from models.prediction.judge import Judgement, judge
from models.prediction.model import ALIVE_DAYS, HORIZON
from models.prediction.predictor import LATE_DAYS
from models.prediction.prior import shipped
from models.prediction.records import Records
from models.prediction.recursion import Belief, forgotten, learned, refit
from streamer.evaluate.activity import Activity

PANEL: Final = 2_000
LEAST_GAPS: Final = 3
LATE: Final = 1.5
"""Minimum inactivity of a late customer, in own usual gaps."""
_RECENCY: Final = [NAMES.index("level"), NAMES.index("recency")]


@dataclass(frozen=True, slots=True)
class Answered:
    """Predictions of a method on one day, with their outcomes.

    Attributes
    ----------
    customers
        Number of customers evaluated.
    said, came
        Mean predicted probability, and share of customers who ordered.
    """

    day: int
    method: str
    customers: int
    judgement: Judgement
    said: float
    came: float

    @classmethod
    def of(cls, day: int, method: str, chances: FloatArray, came: FloatArray) -> Answered:
        """Compare probabilities (n,) with outcomes (n,), 0 or 1."""
        return cls(day, method, len(came), judge(chances, came), float(chances.mean()), float(came.mean()))


class Orders:
    """Order-days of an activity, by day."""

    def __init__(self, activity: Activity) -> None:
        bought = activity.buckets[:, B_ORDERS] > 0
        self.day, self.customer = activity.day[bought], activity.customer[bought]
        self.days, self.customers = activity.days, len(activity.customers)
        self._money, self._payers, self._paid = activity.buckets[:, B_MONEY], activity.customer, activity.edges
        self._edges = np.searchsorted(self.day, np.arange(activity.days + 1))

    def on(self, day: int) -> IntArray:
        """Return the customers who ordered on a day."""
        found: IntArray = self.customer[self._edges[day] : self._edges[day + 1]]
        return found

    def between(self, first: int, end: int) -> FloatArray:
        """Return whether each customer ordered in [first, end), 0 or 1, shape (customers,)."""
        came = np.zeros(self.customers)
        came[self.customer[self._edges[first] : self._edges[min(end, self.days)]]] = 1.0
        return came

    def records(self, day: int) -> Records:
        """Return the records at the start of a day."""
        records = Records.empty(self.customers)
        for before in range(day):
            self.note(records, before)
        return records

    def note(self, records: Records, day: int) -> None:
        """Add the orders and the money of a day; days must ascend."""
        records.note(day, self.on(day))
        rows = slice(self._paid[day], self._paid[day + 1])
        np.add.at(records.spend, self._payers[rows], self._money[rows])


def panel_of(customers: list[str], most: int = PANEL) -> IntArray:
    """Return the indices of the panel: the customers who remain longest as the panel is thinned."""
    ranks = np.array([panel_rank(customer) for customer in customers])
    return np.sort(np.argsort(-ranks, kind="stable")[:most]).astype(np.int64)


def beliefs(orders: Orders, panel: IntArray, until: int, prior: Belief) -> list[tuple[int, Belief]]:
    """Return the belief after each weekly step, by day; each uses only data before its day."""
    belief, found = prior, [(0, prior)]
    for day, x, came in answers(orders, panel, until):
        belief = learned(forgotten(belief, prior, WEEK), x, came)
        found.append((day, belief))
    return found


def answers(
    orders: Orders, panel: IntArray, until: int, horizon: int = WEEK, every: int = WEEK
) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """Yield the questions closed by ``until``: day, features (d, n), and whether customers ordered in the horizon (n,)."""
    records = Records.empty(orders.customers)
    waiting: list[tuple[int, IntArray, FloatArray]] = []
    for day in range(until + 1):
        while waiting and waiting[0][0] + horizon + LATE_DAYS <= day:
            past, who, x = waiting.pop(0)
            yield day, x, orders.between(past, past + horizon)[who]
        if day % every == 0:
            who = panel[alive(records, panel, day)]
            if len(who):
                asked = records.of(who)
                waiting.append((day, who, features(asked.against(asked.median_basket), day)))
        if day < orders.days:
            orders.note(records, day)


Peers = Callable[[Orders, IntArray, int, FloatArray], dict[str, FloatArray]]
"""Further methods: takes orders, panel, day and the weekly hazard's prediction; returns each method's predictions."""


def evaluate(
    activity: Activity,
    dates: Sequence[int],
    on_progress: Callable[[str], None],
    peers: Peers | None = None,
    by_rhythm: bool = False,
) -> list[Answered]:
    """Evaluate predictions for all active customers on each date; learned from a panel, without later data.

    Parameters
    ----------
    by_rhythm
        Also evaluate the weekly hazard among customers with a rhythm (`LEAST_GAPS` gaps), separately for those on time
        and those who are late.
    """
    orders, panel, found = Orders(activity), panel_of(activity.customers), []
    learned_on = beliefs(orders, panel, max(dates), shipped())
    for day in dates:
        on_progress(f"day {day}")
        records = orders.records(day)
        who = alive(records, np.arange(orders.customers), day)
        known, came = (
            records.of(who).against(usual_basket(records, panel, day)),
            orders.between(day, day + HORIZON)[who],
        )
        belief = [one for at, one in learned_on if at <= day][-1]
        x, past, answers = features(known, day), *_long_answers(orders, panel, day)
        chances = {
            "weekly hazard": within(belief.mean, known, day, HORIZON),
            "the same, refitted on all answers": within(_refitted(orders, panel, day).mean, known, day, HORIZON),
            "shipped prior, nothing learned": within(shipped().mean, known, day, HORIZON),
            "all features, one 90-day question": _regressed(past, answers, x),
            "recency alone": _regressed(past[_RECENCY], answers, x[_RECENCY]),
            "base rate": np.full(len(who), answers.mean() if len(answers) else 0.5),
        }
        if peers is not None:
            chances |= peers(orders, panel, day, chances["weekly hazard"])
        found += [Answered.of(day, method, chance, came) for method, chance in chances.items()]
        for name, some in _by_rhythm(known, day).items() if by_rhythm else ():
            if len(some):
                found.append(Answered.of(day, f"weekly hazard, {name}", chances["weekly hazard"][some], came[some]))
    return found


def _by_rhythm(known: Records, day: int) -> dict[str, IntArray]:
    """Return the indices of customers within their own usual gap, and of those who are late by half of it."""
    gap = (known.last - known.first) / np.maximum(known.orders - 1, 1)
    silent, steady = day - known.last, known.orders > LEAST_GAPS
    return {
        "who is on time": np.flatnonzero(steady & (silent <= gap)).astype(np.int64),
        "who is late": np.flatnonzero(steady & (silent > LATE * gap)).astype(np.int64),
    }


def _refitted(orders: Orders, panel: IntArray, day: int) -> Belief:
    """Fit all weekly answers known by a day at once, without forgetting: the reference for the recursion."""
    closed = list(answers(orders, panel, day))
    if not closed:
        return shipped()
    return refit(
        shipped(), np.concatenate([x for _, x, _ in closed], axis=1), np.concatenate([y for _, _, y in closed])
    )


def usual_basket(records: Records, panel: IntArray, day: int) -> float:
    """Return the panel's median basket on a day, minor units, as in a version of that day."""
    return records.of(panel[alive(records, panel, day)]).median_basket


def _long_answers(orders: Orders, panel: IntArray, day: int) -> tuple[FloatArray, FloatArray]:
    """Return all four-weekly questions about HORIZON days whose outcome was known by ``day``."""
    closed = list(answers(orders, panel, day, HORIZON, 4 * WEEK))
    if not closed:
        return np.empty((len(NAMES), 0)), np.empty(0)
    return np.concatenate([x for _, x, _ in closed], axis=1), np.concatenate([came for _, _, came in closed])


def _regressed(past: FloatArray, answers: FloatArray, x: FloatArray) -> FloatArray:
    """Fit a logistic regression, with a ridge of one, to the outcomes over the horizon."""
    return logistic(total(refit(Belief.around(np.zeros(len(past)), 1.0), past, answers).mean, x))


def alive(records: Records, who: IntArray, day: int) -> IntArray:
    """Return the indices in ``who`` of the customers who ordered in the ALIVE_DAYS before a day."""
    return np.flatnonzero((records.orders[who] > 0) & (day - records.last[who] <= ALIVE_DAYS)).astype(np.int64)
