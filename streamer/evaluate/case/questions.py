"""Questions of the case: each customer's features on a day, and spend in the 90 days after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.bucket import B_DISCOUNTED, B_INTERACTIONS, B_MONEY, B_ORDERS, B_WIDTH
from models.behaviour.layout import CATEGORIES, BoolArray, FloatArray, IntArray
from models.prediction.features import USUAL_GAP_DAYS
from models.prediction.model import ALIVE_DAYS, HORIZON
from models.prediction.records import HALF_LIVES
from schemas.errors import UserError
from streamer.evaluate.activity import Activity

QUESTIONS: Final = 6
SPACING_DAYS: Final = 28
_FIRST_DAYS: Final = 28
"""Minimum days of history before the first question."""
HISTORY_DAYS: Final = _FIRST_DAYS + (QUESTIONS - 1) * SPACING_DAYS + HORIZON
HIGH_SHARE: Final = 0.2
"""Share of customers with high spend in the latest training question."""
HABITS: Final = (
    "recency",
    "lateness",
    "cadence",
    "orders",
    "fading_orders_25",
    "fading_orders_120",
    "fading_spend_25",
    "fading_spend_120",
    "basket",
    "age",
    "discounted",
    "clicks",
    "breadth",
)
"""Features for clustering: how a customer buys."""
FEATURES: Final = (*HABITS, "spend")
LEAST_CUSTOMERS: Final = 50


@dataclass(frozen=True, slots=True)
class Question:
    """A question about all customers who ordered in the 365 days before a day.

    Attributes
    ----------
    day
        Days since the start of the history.
    customers
        Indices in the activity, (n,).
    x
        Features at the start of the day, in the order of FEATURES, (n, d). Amounts and times are logarithms.
    spend
        Net spend in the HORIZON days from ``day`` on, major units, (n,).
    came
        Whether the customer ordered in that time, 0 or 1, (n,).
    """

    day: int
    customers: IntArray
    x: FloatArray
    spend: FloatArray
    came: FloatArray

    def column(self, name: str) -> FloatArray:
        """Return one feature, (n,)."""
        found: FloatArray = self.x[:, FEATURES.index(name)]
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """The evaluated question, and the earlier questions whose outcome was known on its day, latest first.

    Attributes
    ----------
    border
        Minimum spend of a high-value customer, major units.
    """

    judged: Question
    earlier: Sequence[Question]
    border: float

    def high(self, question: Question) -> FloatArray:
        """Return whether customers were of high value, 0 or 1, (n,)."""
        found: FloatArray = (question.spend >= self.border).astype(np.float64)
        return found


def asked(activity: Activity, day: int, unit: float) -> Asked:
    """Build the question of a day, and questions of QUESTIONS days before it.

    Parameters
    ----------
    unit
        Minor units per major unit of the shop's currency.

    Raises
    ------
    UserError
        There are too few days of data before or after the day, or no orders before it.
    """
    if day < HISTORY_DAYS or day + HORIZON > activity.days:
        raise UserError(
            f"the case study needs {HISTORY_DAYS} days of data before the chosen day and {HORIZON} days after it",
            "choose another day with --as-of, or use a longer file",
        )
    earlier = [question_of(activity, day - HORIZON - SPACING_DAYS * back, unit) for back in range(QUESTIONS)]
    judged = question_of(activity, day, unit)
    if min(len(one.customers) for one in (judged, *earlier)) < LEAST_CUSTOMERS:
        raise UserError(
            f"fewer than {LEAST_CUSTOMERS} customers ordered before the chosen day", "choose a later day with --as-of"
        )
    return Asked(judged, earlier, float(np.quantile(earlier[0].spend, 1.0 - HIGH_SHARE)))


def question_of(activity: Activity, day: int, unit: float) -> Question:
    """Return the features on a day, with the outcomes after it."""
    n = len(activity.customers)
    before = activity.day < day
    past = _Past(activity, before, day)
    after = (activity.day >= day) & (activity.day < day + HORIZON)
    spend, came = np.zeros(n), np.zeros(n)
    np.add.at(spend, activity.customer[after], activity.buckets[after, B_MONEY])
    came[activity.customer[after & (activity.buckets[:, B_ORDERS] > 0)]] = 1.0
    who = np.flatnonzero((past.orders > 0) & (day - past.last <= ALIVE_DAYS)).astype(np.int64)
    return Question(day, who, past.features(unit)[who], spend[who] / unit, came[who])


class _Past:
    """Running totals of each customer up to the start of a day."""

    def __init__(self, activity: Activity, before: BoolArray, day: int) -> None:
        n = len(activity.customers)
        self.day = day
        self.customer, rows, on = activity.customer[before], activity.buckets[before], activity.day[before]
        self.sums = np.zeros((n, B_WIDTH))
        np.add.at(self.sums, self.customer, rows)
        bought = rows[:, B_ORDERS] > 0
        self.first, self.last = np.full(n, day), np.zeros(n, dtype=np.int64)
        np.minimum.at(self.first, self.customer[bought], on[bought])
        np.maximum.at(self.last, self.customer[bought], on[bought])
        self.orders = np.zeros(n)
        np.add.at(self.orders, self.customer[bought], 1.0)
        self.fading = []
        for column in (B_ORDERS, B_MONEY):
            for half_life in HALF_LIVES:
                kept = np.zeros(n)
                np.add.at(kept, self.customer, np.maximum(rows[:, column], 0.0) * 2 ** (-(day - on) / half_life))
                self.fading.append(kept)

    def features(self, unit: float) -> FloatArray:
        """Return all FEATURES, (customers, d); rows of customers without an order have no meaning."""
        orders, spend = np.maximum(self.orders, 1.0), np.maximum(self.sums[:, B_MONEY], 0.0) / unit
        recency, age = np.maximum(self.day - self.last, 0), np.maximum(self.day - self.first, 0)
        gap = (np.maximum(self.last - self.first, 0) + USUAL_GAP_DAYS) / orders
        counts = np.maximum(self.sums[:, -CATEGORIES:], 0.0)
        columns = {
            "recency": np.log1p(recency),
            "lateness": np.log1p(recency / gap),
            "cadence": np.log(gap),
            "orders": np.log(orders),
            "fading_orders_25": np.log(self.fading[0] + 0.05),
            "fading_orders_120": np.log(self.fading[1] + 0.05),
            "fading_spend_25": np.log1p(self.fading[2] / unit),
            "fading_spend_120": np.log1p(self.fading[3] / unit),
            "basket": np.log1p(spend / orders),
            "age": np.log1p(age),
            "discounted": np.maximum(self.sums[:, B_DISCOUNTED], 0.0) / orders,
            "clicks": np.log1p(np.maximum(self.sums[:, B_INTERACTIONS], 0.0)),
            "breadth": (counts.sum(axis=1) ** 2 + 1.0) / ((counts**2).sum(axis=1) + 1.0),
            "spend": np.log1p(spend),
        }
        return np.column_stack([columns[name] for name in FEATURES])
