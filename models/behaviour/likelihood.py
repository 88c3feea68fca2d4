"""Log-likelihoods of a customer's decayed statistics in each segment.

Each member of a segment has its own order and click rates, Gamma distributed around the segment's (shape a, so counts
are negative binomial), a mean log basket that is Gaussian around the segment's (variance tau^2), and a Bernoulli share
of discounts. Decayed counts are treated as counts over the memory's exposure. Constants common to all segments are
omitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log
from typing import Final, Protocol

import numpy as np

from models.behaviour.layout import CLICK_DAYS, DISCOUNTED, EXPOSURE, LOG_BASKET, ORDER_DAYS, ORDERS, FloatArray

DECAYED_NOISE: Final = 0.6
"""Variance of a decayed mean basket, in units of sigma^2 / orders; below 1, because it averages over fewer orders."""
MOST_SHAPE: Final = 20.0
"""Upper bound of the Gamma shape: limits how similar members are assumed to be, even if the panel shows less variation.
"""
LEAST_CV2: Final = 0.1
"""Lower bound of cv^2: a perfectly regular count weighs at most ten times as much as a Poisson count."""
DISCOUNT_ORDERS: Final = 10.0
"""Maximum number of independent discounts that one customer's discounts count as, because they are correlated."""
_MOST_SQUARED: Final = 18.0  # cap on the squared deviation of a basket
_LEAST_ORDERS: Final = 0.05  # below this many orders, the rest of a basket carries no information


class Table(Protocol):
    """Typical behaviour of a group: ``tables.Table`` or ``model.Segment``."""

    @property
    def order_rate(self) -> float: ...
    @property
    def click_rate(self) -> float: ...
    @property
    def order_shape(self) -> float: ...
    @property
    def click_shape(self) -> float: ...
    @property
    def log_basket(self) -> float: ...
    @property
    def log_basket_var(self) -> float: ...
    @property
    def discount(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Tables:
    """Segment tables as arrays, (K, 1) each; ``shape``, ``days`` and ``constant`` for orders and for clicks."""

    shape: tuple[FloatArray, FloatArray]
    days: tuple[FloatArray, FloatArray]
    constant: tuple[FloatArray, FloatArray]
    log_basket: FloatArray
    log_basket_var: FloatArray
    discounted: FloatArray
    full_price: FloatArray
    sigma2: float
    phi: tuple[float, float]


def unfolded(tables: Sequence[Table], sigma2: float, phi: tuple[float, float]) -> Tables:
    """Convert segment tables to arrays, in the same order."""

    def column(values: Sequence[float]) -> FloatArray:
        return np.array(values, dtype=np.float64)[:, None]

    shapes, days, constants = [], [], []
    for rates, alike in (
        ([t.order_rate for t in tables], [t.order_shape for t in tables]),
        ([t.click_rate for t in tables], [t.click_shape for t in tables]),
    ):
        a = [min(shape, MOST_SHAPE) for shape in alike]
        b = [shape / rate for shape, rate in zip(a, rates, strict=True)]
        shapes.append(column(a))
        days.append(column(b))
        constants.append(column([shape * log(per) - lgamma(shape) for shape, per in zip(a, b, strict=True)]))
    return Tables(
        shape=(shapes[0], shapes[1]),
        days=(days[0], days[1]),
        constant=(constants[0], constants[1]),
        log_basket=column([t.log_basket for t in tables]),
        log_basket_var=column([t.log_basket_var for t in tables]),
        discounted=column([log(t.discount) for t in tables]),
        full_price=column([log(1 - t.discount) for t in tables]),
        sigma2=sigma2,
        phi=phi,
    )


def log_likelihood(stats: FloatArray, t: Tables, regular: FloatArray) -> FloatArray:
    """Return log-likelihoods of statistics in orders, clicks, baskets and discounts, shape (PARTS, K, n).

    Parameters
    ----------
    stats
        Shape (VECTOR, n), every entry at least 0, without the phase.
    regular
        1 - cv^2 of the gaps of each column (``rhythm.regularity``), (n,): a regular buyer's count has cv^2 times the
        variance of a Poisson count, and carries more weight accordingly.
    """
    found = np.empty((4, len(t.log_basket), stats.shape[1]))
    exposure = stats[EXPOSURE]
    for i, (at, noise) in enumerate(
        ((ORDER_DAYS, t.phi[0] * np.maximum(1.0 - regular, LEAST_CV2)), (CLICK_DAYS, np.array(t.phi[1])))
    ):
        # Monthly counts vary more than a Poisson process, so divide counts and days by the overdispersion.
        y = stats[at] / noise + t.shape[i]
        days = exposure / noise + t.days[i]
        # Stirling's series for log Gamma(y). Its error is .04 nats at .3, the smallest shape, and .002 at 1.
        found[i] = (y - 0.5) * np.log(y) - y + 1 / (12 * y) - y * np.log(days) + t.constant[i]
    order_days = stats[ORDER_DAYS]
    some = np.maximum(order_days, 1e-6)
    own_variance = DECAYED_NOISE * t.sigma2 / some
    variance = t.log_basket_var + own_variance
    squared = (stats[LOG_BASKET] / some - t.log_basket) ** 2 / variance
    found[2] = -0.5 * (np.minimum(squared, _MOST_SQUARED) + np.log(variance / (1.0 + own_variance)))
    found[2] *= order_days > _LEAST_ORDERS
    orders = stats[ORDERS]
    cheap = np.minimum(stats[DISCOUNTED], orders)
    found[3] = (cheap * t.discounted + (orders - cheap) * t.full_price) / (1 + orders / DISCOUNT_ORDERS)
    return found
