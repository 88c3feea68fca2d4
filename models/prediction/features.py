"""Features of a customer on a grid day, now or after further inactivity. Elementwise, with one column per customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.records import HALF_LIVES, Records

USUAL_GAP_DAYS: Final = 45.0
"""Prior gap between orders, in days; weighs as much as one observed gap."""
_RECENCY_KNOTS: Final = (7.0, 14.0, 30.0, 60.0, 120.0, 240.0)
_LATENESS_KNOTS: Final = (1.0, 2.0)
_MOST_BASKET: Final = 3.0
NAMES: Final = (
    "level",
    "recency",
    "age",
    "orders",
    "cadence",
    "lateness",
    "once",
    "rate",
    "fading_25",
    "fading_120",
    *(f"recency_from_{knot:g}" for knot in _RECENCY_KNOTS),
    *(f"lateness_from_{knot:g}" for knot in _LATENESS_KNOTS),
    "basket",
)
# Approximate mean and spread of each feature in a shop, so that one precision fits all weights.
_CENTRES: Final = np.array([0.0, 3.8, 4.8, 1.0, 3.8, 0.3, 0.4, -3.8, -1.5, -0.2, *([0.0] * 9)])
_SCALES: Final = np.array([1.0, 1.2, 0.9, 0.9, 0.7, 1.0, 0.5, 0.8, 1.3, 1.0, *([1.0] * 9)])


def features(records: Records, day: int | FloatArray, silent_days: int = 0) -> FloatArray:
    """Return the features (FEATURES, ..., n) at the start of ``day``, or after ``silent_days`` more inactive days.

    Parameters
    ----------
    records
        Records of customers who ordered before ``day``.
    day
        One day for all customers, or one for each, shape (..., n).
    """
    rows = _scaled(records, np.asarray(day + silent_days, dtype=np.float64))
    return np.stack(np.broadcast_arrays(*rows))


def weighted(weights: FloatArray, records: Records, day: int | FloatArray, silent_days: int = 0) -> FloatArray:
    """Return `total` of `features`, (..., n), without holding all features in memory."""
    now = np.asarray(day + silent_days, dtype=np.float64)
    out = np.zeros(np.broadcast_shapes(now.shape, records.last.shape))
    for weight, row in zip(weights.tolist(), _scaled(records, now), strict=True):
        row *= weight
        out += row
    return out


def _scaled(records: Records, now: FloatArray) -> Iterator[FloatArray]:
    """Yield the features in order, each (..., n), or (n,) if it does not depend on the day."""
    for row, centre, scale in zip(_rows(records, now), _CENTRES.tolist(), _SCALES.tolist(), strict=True):
        # The hinges, which are most features, need no scaling, and no unscaled row is used twice.
        scaled = row - centre if centre else row
        if scale != 1.0:
            scaled /= scale
        yield scaled


def _rows(records: Records, now: FloatArray) -> Iterator[FloatArray]:
    recency, age = now - records.last, now - records.first
    gap = (records.last - records.first + USUAL_GAP_DAYS) / records.orders
    log_recency, log_lateness = np.log1p(recency), np.log1p(recency / gap)
    yield np.ones_like(records.orders)
    yield log_recency
    yield np.log1p(age)
    yield np.log(records.orders)
    yield np.log(gap)
    yield log_lateness
    yield (records.orders == 1).astype(np.float64)
    yield np.log(records.orders / (age + 30.0))
    for at, half_life in enumerate(HALF_LIVES):
        yield np.log(records.fading[at] * np.exp2(-recency / half_life) + 0.05)
    for knot in _RECENCY_KNOTS:
        yield np.maximum(0.0, log_recency - np.log1p(knot))
    for knot in _LATENESS_KNOTS:
        yield np.maximum(0.0, log_lateness - np.log1p(knot))
    yield _basket(records)


def _basket(records: Records) -> FloatArray:
    """Return the logarithm of the customer's mean basket over the shop's usual one (n,); 0 where that is unknown."""
    if records.usual_basket <= 0:
        return np.zeros_like(records.orders)
    ratio = np.maximum(records.spend, 1.0) / (records.orders * records.usual_basket)
    found: FloatArray = np.clip(np.log(ratio), -_MOST_BASKET, _MOST_BASKET)
    return found


def total(weights: FloatArray, x: FloatArray) -> FloatArray:
    """Return the weighted sum of features (FEATURES, ..., n), added in a fixed order.

    A matrix product may change the last bit of a customer's result with the number of customers.
    """
    out = np.zeros(x.shape[1:])
    for weight, row in zip(weights.tolist(), x, strict=True):
        out += weight * row
    return out
