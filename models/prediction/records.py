"""The prediction inputs of each customer: five numbers about the days with an order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.behaviour.layout import FloatArray, IntArray

HALF_LIVES = (25.0, 120.0)
"""Half-lives of the two decayed counts of order-days, in days."""


@dataclass(frozen=True, slots=True)
class Records:
    """Customers side by side, each as of the own last order-day; nothing here changes with the clock.

    Attributes
    ----------
    first, last
        Shape (n,), days of the first and the last order.
    orders
        Shape (n,), order-days so far; 0 for a customer without orders.
    fading
        Shape (2, n), order-days decayed by HALF_LIVES, on the last order-day.
    """

    first: FloatArray
    last: FloatArray
    orders: FloatArray
    fading: FloatArray

    @classmethod
    def empty(cls, customers: int) -> Records:
        """Records of customers without orders."""
        return cls(np.zeros(customers), np.zeros(customers), np.zeros(customers), np.zeros((2, customers)))

    def note(self, day: int, customers: IntArray) -> None:
        """Count an order-day of these customers (each once); days must ascend."""
        new = self.orders[customers] == 0
        self.first[customers[new]] = day
        since = day - self.last[customers]
        for at, half_life in enumerate(HALF_LIVES):
            self.fading[at, customers] = self.fading[at, customers] * 2 ** (-since / half_life) + 1.0
        self.last[customers] = day
        self.orders[customers] += 1

    def repeated(self, times: int) -> Records:
        """All customers, repeated ``times`` times."""
        return Records(
            np.tile(self.first, times),
            np.tile(self.last, times),
            np.tile(self.orders, times),
            np.tile(self.fading, (1, times)),
        )

    def of(self, customers: IntArray) -> Records:
        """A copy of the records of some customers."""
        return Records(
            self.first[customers], self.last[customers], self.orders[customers], self.fading[:, customers].copy()
        )
