"""Levers: changes to a single feature that would bring a customer to the border of another segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.features import (
    BASKET_WEIGHT,
    CLICKS_FLOOR,
    DISCOUNT_WEIGHT,
    LEAST_EXPOSURE,
    NAMES,
    ORDERS_FLOOR,
    SCALE_DAYS,
    readable,
)
from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    FEATURES,
    LOG_BASKET,
    MONEY,
    ORDER_DAYS,
    ORDERS,
    VECTOR,
    FloatArray,
)
from models.behaviour.position import scores_of
from models.behaviour.rhythm import Beat
from models.behaviour.scoring import Compiled, placed

_POINTS: Final = 65
_ROUNDS: Final = 9  # each narrows a bracket 64-fold: to float64 precision
_SOME: Final = 0.05  # below this many order-days, baskets and discounts carry no information


@dataclass(frozen=True, slots=True)
class Lever:
    """A feature that would carry the customer over the border if it alone changed; values in readable units."""

    feature: str
    now: float
    needed: float


def levers(stats: FloatArray, rhythm: Beat | None, c: Compiled, own: int, other: int) -> tuple[Lever, ...]:
    """Return the features whose change alone would lift the margin of slot ``other`` over ``own`` to the border.

    Values outside the range of the frame are excluded, since no customer of the shop has them.

    Values beyond the borders of the frame are excluded: no customer of the shop has them.

    Parameters
    ----------
    stats
        Long memory of one customer, (VECTOR, 1), below the border.
    """
    x = placed(stats, c)[:FEATURES, 0]
    found = _by_distance(x, c, own, other) if c.tables is None else _by_likelihood(stats, rhythm, x, c, own, other)
    now = readable(x, c.model.frame.priors)
    spread = c.high[:, 0] - c.low[:, 0]
    ranked = []
    for j, value in found:
        moved = x.copy()
        moved[j] = value
        needed = readable(moved, c.model.frame.priors)[NAMES[j]]
        ranked.append((abs(value - x[j]) / spread[j], Lever(NAMES[j], now[NAMES[j]], needed)))
    return tuple(lever for _, lever in sorted(ranked, key=lambda one: (one[0], one[1].feature)))


def _by_distance(x: FloatArray, c: Compiled, own: int, other: int) -> Iterator[tuple[int, float]]:
    """Yield each feature and the value at which the margin, which is linear in it, reaches the border."""
    beta = 2 * (c.linear[other, :FEATURES, 0] - c.linear[own, :FEATURES, 0]) * c.inverse_gap[own * c.slots + other]
    missing = c.model.preset.h - float(beta @ x + _constant(c, own, other))
    for j in range(FEATURES):
        if abs(beta[j]) < 1e-12 or c.high[j, 0] <= c.low[j, 0]:
            continue
        value = float(x[j] + missing / beta[j])
        if c.low[j, 0] <= value <= c.high[j, 0]:
            yield j, value


def _constant(c: Compiled, own: int, other: int) -> float:
    gap = c.inverse_gap[own * c.slots + other]
    return float(2 * (c.linear[other, FEATURES, 0] - c.linear[own, FEATURES, 0]) * gap)


def _by_likelihood(
    stats: FloatArray, rhythm: Beat | None, x: FloatArray, c: Compiled, own: int, other: int
) -> Iterator[tuple[int, float]]:
    """Like `_by_distance`, for likelihoods, where the margin is not linear: yield the nearest solution on either side."""
    for name in ("orders", "clicks", "basket", "discount_share"):
        j = NAMES.index(name)
        if name in ("basket", "discount_share") and stats[ORDER_DAYS, 0] < _SOME:
            continue

        def margin(values: FloatArray, name: str = name) -> FloatArray:
            score = scores_of(_changed(stats, name, values, c, own), c, _repeated(rhythm, len(values)))
            return np.asarray(score[other] - score[own])

        ends = [_crossing(margin, float(x[j]), float(end), c.model.preset.h) for end in (c.low[j, 0], c.high[j, 0])]
        reached = [end for end in ends if end is not None]
        if reached:
            yield j, min(reached, key=lambda value: abs(value - x[j]))


def _crossing(margin: Callable[[FloatArray], FloatArray], now: float, end: float, border: float) -> float | None:
    """Return the first value from ``now`` to ``end`` whose margin reaches the border; None if there is none."""
    low, high = now, end
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _POINTS)
        over = margin(grid) >= border
        if not over.any():
            return None
        first = int(over.argmax())
        if first == 0:
            return float(grid[0])
        low, high = float(grid[first - 1]), float(grid[first])
    return high


def _repeated(rhythm: Beat | None, times: int) -> Beat | None:
    """Return the beat of one customer, repeated for ``times`` columns."""
    if rhythm is None:
        return None
    again = {name: np.repeat(getattr(rhythm, name), times) for name in ("regular", "gaps", "cycle", "silent", "clock")}
    return Beat(at=np.arange(times), usual=rhythm.usual, **again)


def _changed(stats: FloatArray, name: str, values: FloatArray, c: Compiled, own: int) -> FloatArray:
    """Return the statistics (VECTOR, m) of the customer with these values of one feature."""
    found = np.repeat(stats, len(values), axis=1)
    priors = c.model.frame.priors
    per_count = max(float(stats[EXPOSURE, 0]), LEAST_EXPOSURE) / SCALE_DAYS
    order_days, orders = float(stats[ORDER_DAYS, 0]), float(stats[ORDERS, 0])
    if name == "clicks":
        found[CLICK_DAYS] = np.maximum(np.exp(values) - CLICKS_FLOOR, 0.0) * per_count
    elif name == "basket":
        logs = values * (order_days + BASKET_WEIGHT) - BASKET_WEIGHT * priors.log_basket
        found[LOG_BASKET] = np.maximum(logs, 0.0)
    elif name == "discount_share":
        cheap = values * (orders + DISCOUNT_WEIGHT) - DISCOUNT_WEIGHT * priors.discount
        found[DISCOUNTED] = np.clip(cheap, 0.0, orders)
    else:
        count = np.maximum(np.exp(values) - ORDERS_FLOOR, 0.0) * per_count
        # Add order-days like the customer's own or, without any, like those usual in the segment.
        one = stats[:, 0] / order_days if order_days > _SOME else _usual_order_day(c, own)
        found[ORDER_DAYS] = count
        found[MONEY:] = one[MONEY:, None] * count
    return found


def _usual_order_day(c: Compiled, slot: int) -> FloatArray:
    segment = next(s for s in c.model.segments if s.slot == slot)
    one = np.zeros(VECTOR)
    one[ORDER_DAYS] = one[ORDERS] = 1.0
    one[MONEY], one[LOG_BASKET], one[DISCOUNTED] = segment.basket, segment.log_basket, segment.discount
    return one
