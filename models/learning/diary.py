"""The owner's notes on each panel customer, in addition to the memory; they measure noise.

Successive order-days yield sigma^2, the variance of a customer's own log order values; adjacent 28-day counts yield
phi, the overdispersion of months relative to a Poisson process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from math import pi

import msgspec
import numpy as np

from models.behaviour.bucket import B_INTERACTIONS, B_LOGS, B_MONEY, B_ORDERS
from models.behaviour.layout import FloatArray

WINDOW = 28
_WINDOWS = 7  # number of remembered windows
_MOST_STEP = 3.0  # largest log step between two baskets that counts as noise


class Diary(msgspec.Struct, array_like=True):
    """Notes on one customer. ``open_*`` may change until a later day is noted or `close` is called."""

    first_day: int
    open_day: int
    open_basket: float | None = None
    open_click: bool = False
    last_basket: float | None = None
    steps: int = 0
    stepped: float = 0.0  # sum of absolute log steps between successive baskets
    counts: dict[int, list[int]] = {}
    closed_day: int = -1
    open_money: float = 0.0
    spent: dict[int, float] = {}

    def note_bucket(self, day: int, bucket: Sequence[float] | None) -> None:
        """Note the open day from a memory's bucket; None if it has no events yet."""
        orders = bucket[B_ORDERS] if bucket else 0.0
        basket = bucket[B_LOGS] / orders if bucket and orders > 0 else None
        self.note(day, basket, bool(bucket and bucket[B_INTERACTIONS] > 0), bucket[B_MONEY] if bucket else 0.0)

    def note(self, day: int, basket: float | None, click: bool, money: float = 0.0) -> None:
        """Note the open day: mean log order value if it is an order-day, whether it has clicks, and money spent."""
        if day < self.open_day or day <= self.closed_day:
            return
        if day > self.open_day:
            self.close()
            self.open_day = day
        self.open_basket, self.open_click, self.open_money = basket, click, money

    def close(self) -> None:
        """Count the open day for good."""
        if self.open_day <= self.closed_day:
            return
        self.closed_day = self.open_day
        window = self.open_day // WINDOW
        if self.open_money:
            self.spent[window] = self.spent.get(window, 0.0) + self.open_money
            self.open_money = 0.0
            for old in [w for w in self.spent if w <= window - _WINDOWS]:
                del self.spent[old]
        if self.open_basket is None and not self.open_click:
            return
        counts = self.counts.setdefault(window, [0, 0])
        counts[1] += self.open_click
        if self.open_basket is not None:
            counts[0] += 1
            if self.last_basket is not None:
                step = min(abs(self.open_basket - self.last_basket), _MOST_STEP)
                self.steps += 1
                self.stepped += step
            self.last_basket = self.open_basket
        for old in [w for w in self.counts if w <= window - _WINDOWS]:
            del self.counts[old]
        self.open_basket, self.open_click = None, False

    def money(self, window: int) -> float:
        """Return the money spent in a 28-day window, minor units, net of reversals in it."""
        return self.spent.get(window, 0.0)


def sigma2(diaries: Iterable[Diary], prior: float = 0.25, weight: float = 20.0) -> float:
    """Return the variance of a customer's own log order values, shrunk towards ``prior`` for few orders.

    Estimated from mean absolute steps (2 sigma / sqrt(pi) for a Gaussian), so a few huge orders have little influence.
    """
    steps, stepped = weight, weight * 2 * (prior / pi) ** 0.5
    for diary in diaries:
        steps += diary.steps
        stepped += diary.stepped
    return max(float((stepped / steps) ** 2) * pi / 4, 0.01)


def phi(diaries: Iterable[Diary], day: int) -> tuple[float, float]:
    """Return the overdispersion max(1, sum (x - y)^2 / sum (x + y)) of order-days and click-days.

    Over pairs of adjacent 28-day windows that lie entirely between the customer's first day and ``day``.
    """
    last = day // WINDOW  # the window of ``day`` is not complete
    start, kept = last - _WINDOWS, list(diaries)
    counts: FloatArray = np.zeros((len(kept), _WINDOWS, 2))
    sizes = [len(diary.counts) for diary in kept]
    windows = np.fromiter(chain.from_iterable(diary.counts for diary in kept), dtype=np.int64) - start
    pairs = chain.from_iterable(both for diary in kept for both in diary.counts.values())
    noted = np.fromiter(pairs, dtype=np.float64).reshape(-1, 2)
    whole = (windows >= 0) & (windows < _WINDOWS)
    counts[np.repeat(np.arange(len(kept)), sizes)[whole], windows[whole]] = noted[whole]
    first = np.array([-(-diary.first_day // WINDOW) - start for diary in kept])
    lived = np.arange(_WINDOWS - 1) >= first[:, None]
    one, next_one = counts[:, :-1][lived], counts[:, 1:][lived]
    above, below = ((next_one - one) ** 2).sum(axis=0), (next_one + one).sum(axis=0)
    orders, clicks = (max(1.0, float(a / b)) if b > 30 else 1.0 for a, b in zip(above, below, strict=True))
    return orders, clicks
