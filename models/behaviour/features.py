"""The features by which customers are compared, with names and units.

Features are rows and customers are columns, so that every operation runs over contiguous numbers. All arithmetic is
elementwise or adds in a fixed tree, so a customer's numbers do not depend on the other customers in a call (BLAS and
``sum`` change the order of additions with the shape).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

from models.behaviour.layout import (
    CATEGORIES,
    CATEGORY,
    EXPOSURE,
    FEATURES,
    FULL_LONG,
    HALF_LIFE_LONG,
    HALF_LIFE_SHORT,
    LOG_BASKET,
    LONG,
    MONEY,
    ORDER_DAYS,
    RECENT,
    SHORT,
    FloatArray,
    IntArray,
)
from models.behaviour.memory import Memory
from models.behaviour.rhythm import Beat, beat_of, without_phase
from schemas.errors import InvariantViolation

SCALE_DAYS: Final = 36.0
"""Counts are expressed per 36 days, the mean age in a memory with a half-life of 25 days."""
LEAST_EXPOSURE: Final = 7.0
"""Counts are not scaled up for exposures below this many days."""
ORDERS_FLOOR: Final = 0.3
CLICKS_FLOOR: Final = 0.5
DISCOUNT_WEIGHT: Final = 2.0
BASKET_WEIGHT: Final = 1.0
_WEIGHTS: Final[FloatArray] = np.array(((BASKET_WEIGHT,), (DISCOUNT_WEIGHT,)))

NAMES: Final = ("orders", "clicks", "money", "browse_to_buy", "basket", "discount_share", "breadth")
UNITS: Final = (
    "order-days per 36 days",
    "days with a click per 36 days",
    "minor units per 36 days",
    "(days with a click + 1) / (order-days + 0.5), per 36 days",
    "minor units an order",
    "share of orders",
    "categories in effect",
)
"""Units of the values from ``readable``, in the order of NAMES."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Assumptions about a customer without orders. Frozen with the frame.

    Parameters
    ----------
    log_basket
        Mean of the log order value in minor units.
    discount
        Share of discounted orders, inside (0, 1).
    least_part
        Counts are scaled as if exposure were at least this share of the full memory. 0 compares rates, so two orders
        of a new customer equal twenty of an old one; 1 compares remembered totals.
    gap_cv2
        Usual squared coefficient of variation of the gaps between a customer's order-days, 0 to 1 (``rhythm``). None
        in versions without rhythm, which use the statistics unchanged.
    """

    log_basket: float
    discount: float
    least_part: float = 0.0
    gap_cv2: float | None = None

    def __post_init__(self) -> None:
        if not (abs(self.log_basket) < 100 and 0 < self.discount < 1 and 0 <= self.least_part <= 1):
            raise InvariantViolation("behaviour model: priors out of range")
        if self.gap_cv2 is not None and not 0 <= self.gap_cv2 <= 1:
            raise InvariantViolation("behaviour model: priors out of range")


def feature_rows(stats: FloatArray, priors: Priors, full: float = FULL_LONG) -> FloatArray:
    """Compute features from statistics vectors without negative entries.

    Parameters
    ----------
    stats
        Shape (VECTOR, n), every entry at least 0.
    full
        Exposure (days) to which the memory of ``stats`` converges.

    Returns
    -------
    FloatArray
        Shape (FEATURES + 1, n): the features in the order of NAMES (the first five are logs), then a row of ones,
        which carries the constant term of a linear score.
    """
    n = stats.shape[1]
    floors, pseudo = _constants(priors)
    rows = np.empty((FEATURES + 1, n))
    rows[FEATURES] = 1.0
    counts = stats[ORDER_DAYS : MONEY + 1] * (
        SCALE_DAYS / np.maximum(stats[EXPOSURE], max(LEAST_EXPOSURE, priors.least_part * full))
    )
    logs = np.empty((4, n))
    np.add(counts, floors, out=logs[:3])
    np.divide(counts[1] + 1.0, counts[0] + 0.5, out=logs[3])
    np.log(logs, out=rows[:4])
    # Shrink both ratios in one operation: log basket over order-days, and discounted over all orders.
    shrunk = stats[LOG_BASKET : LOG_BASKET + 2] + pseudo
    shrunk /= stats[ORDER_DAYS:LOG_BASKET:3] + _WEIGHTS
    rows[4:6] = shrunk
    rows[6] = _breadth(stats[CATEGORY:])
    return rows


@lru_cache(maxsize=64)
def _constants(priors: Priors) -> tuple[FloatArray, FloatArray]:
    """Return the pseudo-counts to add before the logs, and the prior numerators of the two shrunk ratios."""
    floors = np.array(((ORDERS_FLOOR,), (CLICKS_FLOOR,), (ORDERS_FLOOR * exp(priors.log_basket),)))
    pseudo = np.array(((BASKET_WEIGHT * priors.log_basket,), (DISCOUNT_WEIGHT * priors.discount,)))
    return floors, pseudo


def _breadth(counts: FloatArray) -> FloatArray:
    """Return the inverse Simpson index of the category counts, shrunk towards 1 for few orders."""
    both = np.empty((2, CATEGORIES, counts.shape[1]))
    both[0] = counts
    np.multiply(counts, counts, out=both[1])
    total, squares = tree_sum(both)
    return np.asarray((total * total + 1.0) / (squares + 1.0))


def tree_sum(parts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sum over axis 1 of shape (a, 8, n), with a fixed order of additions; shape (a, n)."""
    four = parts[:, :4] + parts[:, 4:]
    two = four[:, :2] + four[:, 2:]
    return two[:, 0] + two[:, 1]


def position_stats(block: FloatArray, beat: Beat | None = None) -> FloatArray:
    """Return the input of the position path: L + R of a block of shape (WIDTH, n), clipped at 0 and without the phase.

    Parameters
    ----------
    beat
        The rhythm of the columns (``rhythm.beat_of``); None leaves the statistics unchanged.
    """
    return without_phase(np.maximum(block[LONG] + block[RECENT], 0.0), beat, HALF_LIFE_LONG)


def short_stats(block: FloatArray, beat: Beat | None = None) -> FloatArray:
    """Return S of a block of shape (WIDTH, n), clipped at 0 and without the phase; ``beat`` as in ``position_stats``."""
    return without_phase(np.maximum(block[SHORT], 0.0), beat, HALF_LIFE_SHORT)


def block_of(memory: Memory, rows: IntArray) -> FloatArray:
    """Copy rows of the memory into a float64 block of shape (WIDTH, n)."""
    return np.array(memory.matrix[rows].T, dtype=np.float64, order="C")


def features(memory: Memory, rows: IntArray, priors: Priors) -> FloatArray:
    """Return the feature vectors of rows, shape (n, FEATURES), as of the last step; without today's bucket."""
    block = block_of(memory, rows)
    stats = position_stats(block, beat_of(block, priors.gap_cv2))
    return np.ascontiguousarray(feature_rows(stats, priors)[:FEATURES].T)


def bounded_exp(value: float) -> float:
    """Return ``exp(value)``, with ``value`` capped at 60 so that a reason for a distant border does not overflow."""
    return exp(60.0 if value > 60.0 else value)


def readable(x: FloatArray, priors: Priors) -> dict[str, float]:
    """Convert one feature vector to natural units (``UNITS``); entries after the first FEATURES are ignored."""
    return in_units(x[:FEATURES].tolist(), priors)


def in_units(features: Sequence[float], priors: Priors) -> dict[str, float]:
    """Like ``readable``, for FEATURES plain numbers."""
    orders, clicks, money, browse, basket, discount, breadth = features
    return {
        "orders": max(0.0, bounded_exp(orders) - ORDERS_FLOOR),
        "clicks": max(0.0, bounded_exp(clicks) - CLICKS_FLOOR),
        "money": max(0.0, bounded_exp(money) - ORDERS_FLOOR * exp(priors.log_basket)),
        "browse_to_buy": bounded_exp(browse),
        "basket": bounded_exp(basket),
        "discount_share": discount,
        "breadth": breadth,
    }
