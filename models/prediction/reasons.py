"""Why a chance is what it is: how far each family of features takes it from that of an ordinary customer.

The log-odds of an order within 30 days move from the ordinary customer's to this one's as all features move in a straight
line from the former's to the latter's; a family's part is what its features do along that line (Aumann, Shapley: *Values
of non-atomic games*, 1974; as integrated gradients by Sundararajan, Taly, Yan, 2017). Parts therefore add up. Features one
by one would fight: recency, lateness and their hinges say nearly the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import fsum
from typing import Final

import numpy as np

from models.prediction.cells import chance_in_cells
from models.prediction.features import NAMES, features, total
from models.prediction.hazard import WEEK, logistic, rolled
from models.prediction.model import CELLS_FORM, HORIZON, PredictionModel
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.records import Records

DAYS: Final = 30
"""Of whose chance reasons are given."""
SILENCE: Final = "silence"
HABIT: Final = "habit"
NEWNESS: Final = "newness"
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    SILENCE: tuple(name for name in NAMES if name.startswith(("recency", "lateness"))),
    HABIT: ("orders", "cadence", "rate", "fading_25", "fading_120"),
    NEWNESS: ("age", "once"),
}
"""How long ago the last order was, also by the customer's own measure; how many there were, and how close; how long ago
the first."""
_ORDINARY: Final = OrderRecord(-120, -44, 3, (1.47, 2.45), 1, 3, 0)
"""An ordinary customer on day 0: about the centre of all features, three orders 120, 82 and 44 days ago."""
_LEAST: Final = 1e-12
_NODES, _SHARES = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a chance of an order within DAYS is what it is.

    Attributes
    ----------
    chance, ordinary
        The customer's, and that of an ordinary one.
    parts
        Log-odds by family. With those of ``ordinary`` they add up to those of ``chance``, within 1e-6.
    """

    chance: float
    ordinary: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Worth:
    """Why so much money is expected within HORIZON days: orders times basket, each as a multiple of the ordinary.

    Attributes
    ----------
    orders, basket
        Expected order-days, and money of one (minor units).
    ordinary_orders, ordinary_basket
        Those of an ordinary customer.
    """

    orders: float
    basket: float
    ordinary_orders: float
    ordinary_basket: float


def reasons(model: PredictionModel, record: OrderRecord, day: int) -> Reasons:
    """The reasons of a customer who ordered before ``day``."""
    both = side_by_side([record, _on(day)])
    chance, ordinary = model.chances(both, day, (DAYS,))[0].tolist()
    parts = (_by_cells if model.form == CELLS_FORM else _by_weights)(model, both, day)
    # What the integral leaves is below 1e-6 but for weights that make a chance of one; the largest part takes it.
    largest = max(parts, key=lambda family: abs(parts[family]))
    parts[largest] += log_odds(chance) - log_odds(ordinary) - fsum(parts.values())
    return Reasons(chance, ordinary, parts)


def worth(model: PredictionModel, record: OrderRecord, day: int) -> Worth:
    """Why so much money is expected of a customer who ordered before ``day``."""
    known, spend = side_by_side([record, _on(day)]), np.array([float(record.spend), 0.0])
    orders, usual_orders = model.dropout.expected_orders(known, day, HORIZON).tolist()
    # Of somebody who has not ordered, the shop's mean is expected.
    basket, usual = model.dropout.expected_basket(known.orders * [1.0, 0.0], spend).tolist()
    return Worth(orders, basket, usual_orders, usual)


def log_odds(chance: float) -> float:
    """The logarithm of the odds of a chance; of one of 0 or 1 that of its neighbour."""
    inside = min(max(chance, _LEAST), 1.0 - _LEAST)
    return float(np.log(inside) - np.log1p(-inside))


def _on(day: int) -> OrderRecord:
    """The ordinary customer of a day."""
    first, last, *rest = (getattr(_ORDINARY, name) for name in OrderRecord.__struct_fields__)
    return OrderRecord(first + day, last + day, *rest)


def _by_weights(model: PredictionModel, both: Records, day: int) -> dict[str, float]:
    weights, weeks = np.array(model.weights), -(-DAYS // WEEK)
    days = np.repeat(day + WEEK * np.arange(weeks, dtype=np.float64), 2)
    share = np.minimum(1.0, DAYS / WEEK - np.arange(weeks))
    # Customer and ordinary one take turns, week by week.
    x = features(both.repeated(weeks), days)
    log_odds_of_week = total(weights, x)
    after, before = log_odds_of_week[::2], log_odds_of_week[1::2]
    weekly = logistic(before + (_NODES + 1.0)[:, None] / 2.0 * (after - before))
    reached = -np.expm1((share * np.log1p(-weekly)).sum(axis=1))
    # How the log-odds of the whole follow those of each week, on average along the line.
    slope = (_SHARES[:, None] / 2.0 * share * weekly / reached[:, None]).sum(axis=0)
    moved = weights * (slope * (x[:, ::2] - x[:, 1::2])).sum(axis=1)
    by_name = dict(zip(NAMES, moved.tolist(), strict=True))
    return {family: fsum(by_name[name] for name in names) for family, names in FAMILIES.items()}


def _by_cells(model: PredictionModel, both: Records, day: int) -> dict[str, float]:
    """The cells know two things: each part is the mean of what it does before the other has moved, and after."""
    # The customer, the ordinary one, the customer's recency alone, the customer's frequency alone.
    recency, frequency = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])
    mixed = replace(both.of(recency), orders=both.orders[frequency])
    chances = rolled(partial(chance_in_cells, np.array(model.cells)), mixed, day, (DAYS,))[0]
    own, usual, silent, often = map(log_odds, chances.tolist())
    return {SILENCE: (silent - usual + own - often) / 2.0, HABIT: (often - usual + own - silent) / 2.0}
