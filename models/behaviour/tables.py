"""Segment tables: the daily behaviour of a cluster's members, and its variation among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    LOG_BASKET,
    MONEY,
    ORDER_DAYS,
    ORDERS,
    FloatArray,
)

_LEAST_RATE = 5e-4  # per day; one order-day in five years
_SHAPES = (0.3, 50.0)  # bounds of a = 1 / cv^2
_VISIT_NOISE = 0.6  # variance of a decayed rate, in units of rate / exposure: it averages over fewer days


@dataclass(frozen=True, slots=True)
class Table:
    """A segment table, with the fields of ``Segment`` of the same names."""

    order_rate: float
    click_rate: float
    order_shape: float
    click_shape: float
    log_basket: float
    log_basket_var: float
    basket: float
    discount: float
    orders_a_day: float


def fit_table(stats: FloatArray, sigma2: float, prior_log_basket: float, prior_discount: float) -> Table:
    """Fit the table of one cluster to its members' L + R, shape (VECTOR, members)."""
    rates = []
    for column in (ORDER_DAYS, CLICK_DAYS):
        rate = max(float(stats[column].sum() / max(stats[EXPOSURE].sum(), 1.0)), _LEAST_RATE)
        rates.append((rate, _shape(stats[column], stats[EXPOSURE], rate)))
    days = stats[ORDER_DAYS]
    bought = days > 0.2
    total, orders = float(days.sum()), float(stats[ORDERS].sum())
    mean = (float(stats[LOG_BASKET].sum()) + prior_log_basket) / (total + 1)
    spread = 0.0
    if bought.sum() > 1:
        own = stats[LOG_BASKET, bought] / days[bought]
        spread = float(own.var() - (sigma2 / np.maximum(days[bought], 1.0)).mean())
    return Table(
        order_rate=rates[0][0],
        click_rate=rates[1][0],
        order_shape=rates[0][1],
        click_shape=rates[1][1],
        log_basket=mean,
        log_basket_var=max(spread, 0.02),
        basket=max(0.0, float(stats[MONEY].sum()) / total) if total > 0 else 0.0,
        discount=min(max((float(stats[DISCOUNTED].sum()) + prior_discount) / (orders + 1), 0.01), 0.99),
        orders_a_day=max(orders / total, 0.1) if total > 0 else 1.0,
    )


def _shape(counts: FloatArray, exposure: FloatArray, rate: float) -> float:
    """Return 1 / cv^2 of the members' true rates; the variance due to counting is subtracted."""
    if not counts.size:
        return 1.0
    days = np.maximum(exposure, 7.0)
    seen = float(((counts / days - rate) ** 2).mean())
    true = max(seen - rate * _VISIT_NOISE * float((1 / days).mean()), 0.0)
    return float(min(max(rate**2 / true if true > 0 else _SHAPES[1], _SHAPES[0]), _SHAPES[1]))
