"""Reasons of a probability: how far each family of features moves it from an ordinary customer's.

The features move in a straight line from the ordinary customer's to this customer's, and the log-odds of an order
within 30 days change with them. A family's part is the contribution of its features along that line (Aumann, Shapley:
*Values of non-atomic games*, 1974; as integrated gradients by Sundararajan, Taly, Yan, 2017). Parts therefore add up.
Features are grouped because single ones compete: recency, lateness and their hinges measure nearly the same.
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
from models.prediction.products import gradient, with_products
from models.prediction.records import Records

DAYS: Final = 30
"""The horizon of the explained probability."""
SILENCE: Final = "silence"
HABIT: Final = "habit"
NEWNESS: Final = "newness"
BASKET: Final = "basket"
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    SILENCE: tuple(name for name in NAMES if name.startswith(("recency", "lateness"))),
    HABIT: ("orders", "cadence", "rate", "fading_25", "fading_120"),
    NEWNESS: ("age", "once"),
    BASKET: ("basket",),
}
"""Families of features.

They are time since the last order, also relative to the cadence; number and spacing of orders; time since the first
order; and size of orders.
"""
_ORDINARY: Final = OrderRecord(-120, -44, 3, (1.47, 2.45), 1, 3, 0)
"""An ordinary customer on day 0, near the centre of all features: three orders, 120, 82 and 44 days ago."""
_LEAST: Final = 1e-12
_NODES, _SHARES = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True)
class Reasons:
    """Explanation of the probability of an order within DAYS.

    Attributes
    ----------
    chance, ordinary
        The customer's probability, and that of an ordinary customer.
    parts
        Log-odds by family. Added to those of ``ordinary`` they yield those of ``chance``, within 1e-6.
    """

    chance: float
    ordinary: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Worth:
    """Explanation of the money expected within HORIZON days: orders times basket, each beside the ordinary customer's.

    Attributes
    ----------
    orders, basket
        Expected order-days, and money per order-day (minor units).
    ordinary_orders, ordinary_basket
        The same for an ordinary customer.
    """

    orders: float
    basket: float
    ordinary_orders: float
    ordinary_basket: float


def reasons(model: PredictionModel, record: OrderRecord, day: int) -> Reasons:
    """Return the reasons for a customer who ordered before ``day``."""
    both = side_by_side([record, _on(day)])
    # An ordinary customer pays the shop's usual basket.
    both.spend[1] = both.orders[1] * model.usual_basket
    both = both.against(model.usual_basket)
    chance, ordinary = model.chances(both, day, (DAYS,))[0].tolist()
    parts = (_by_cells if model.form == CELLS_FORM else _by_weights)(model, both, day)
    # The integration error is below 1e-6 unless a probability is almost one; the largest part absorbs it.
    largest = max(parts, key=lambda family: abs(parts[family]))
    parts[largest] += log_odds(chance) - log_odds(ordinary) - fsum(parts.values())
    return Reasons(chance, ordinary, parts)


def worth(model: PredictionModel, record: OrderRecord, day: int) -> Worth:
    """Return the expected money of a customer who ordered before ``day``, explained."""
    known, spend = side_by_side([record, _on(day)]), np.array([float(record.spend), 0.0])
    orders, usual_orders = model.dropout.expected_orders(known, day, HORIZON).tolist()
    # Without an order, the shop's mean is expected.
    basket, usual = model.dropout.expected_basket(known.orders * [1.0, 0.0], spend).tolist()
    return Worth(orders, basket, usual_orders, usual)


def log_odds(chance: float) -> float:
    """Return the log-odds of a probability; for 0 or 1, those of the neighbouring float."""
    inside = min(max(chance, _LEAST), 1.0 - _LEAST)
    return float(np.log(inside) - np.log1p(-inside))


def _on(day: int) -> OrderRecord:
    """Return the record of the ordinary customer on a day."""
    first, last, *rest = (getattr(_ORDINARY, name) for name in OrderRecord.__struct_fields__)
    return OrderRecord(first + day, last + day, *rest)


def _by_weights(model: PredictionModel, both: Records, day: int) -> dict[str, float]:
    weights, pairs, weeks = model.all_weights, model.pairs, -(-DAYS // WEEK)
    days = np.repeat(day + WEEK * np.arange(weeks, dtype=np.float64), 2)
    share = np.minimum(1.0, DAYS / WEEK - np.arange(weeks))
    # This customer and the ordinary one alternate, week by week.
    x = features(both.repeated(weeks), days)
    after, before = x[:, ::2], x[:, 1::2]
    # Shape (features, nodes, weeks): points on the line.
    on_line = before[:, None] + (_NODES + 1.0)[:, None] / 2.0 * (after - before)[:, None]
    flat = with_products(on_line.reshape(len(x), -1), pairs)
    weekly = logistic(total(weights, flat)).reshape(len(_NODES), weeks)
    reached = -np.expm1((share * np.log1p(-weekly)).sum(axis=1))
    # Derivative of the total log-odds with respect to each week's, with the weight of its point on the line.
    slope = _SHARES[:, None] / 2.0 * share * weekly / reached[:, None]
    moved = (slope * gradient(weights, pairs, on_line) * (after - before)[:, None]).sum(axis=(1, 2))
    by_name = dict(zip(NAMES, moved.tolist(), strict=True))
    return {family: fsum(by_name[name] for name in names) for family, names in FAMILIES.items()}


def _by_cells(model: PredictionModel, both: Records, day: int) -> dict[str, float]:
    """Return the parts of a prediction by cells, which has two inputs: recency and frequency.

    Each part is the mean effect of one input, before and after the other has changed.
    """
    # This customer, the ordinary one, this customer's recency alone, this customer's frequency alone.
    recency, frequency = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])
    mixed = replace(both.of(recency), orders=both.orders[frequency])
    chances = rolled(partial(chance_in_cells, np.array(model.cells)), mixed, day, (DAYS,))[0]
    own, usual, silent, often = map(log_odds, chances.tolist())
    return {SILENCE: (silent - usual + own - often) / 2.0, HABIT: (often - usual + own - silent) / 2.0}
