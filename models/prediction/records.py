"""The prediction inputs of each customer: five numbers about the days with an order, and the money spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    spend
        Shape (n,), money so far, minor units.
    usual_basket
        What an order-day of the shop usually brings, minor units; 0 if unknown.
    """

    first: FloatArray
    last: FloatArray
    orders: FloatArray
    fading: FloatArray
    spend: FloatArray
    usual_basket: float = 0.0

    @classmethod
    def empty(cls, customers: int) -> Records:
        """Records of customers without orders."""
        return cls(
            np.zeros(customers), np.zeros(customers), np.zeros(customers), np.zeros((2, customers)), np.zeros(customers)
        )

    def against(self, usual_basket: float) -> Records:
        """The same, to be compared with a shop of this usual basket."""
        return replace(self, usual_basket=usual_basket)

    @property
    def median_basket(self) -> float:
        """Median money per order-day of those who have paid, minor units; 0 without any."""
        paid = (self.spend > 0) & (self.orders > 0)
        return float(np.median(self.spend[paid] / self.orders[paid])) if paid.any() else 0.0

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
            np.tile(self.spend, times),
            self.usual_basket,
        )

    def of(self, customers: IntArray) -> Records:
        """A copy of the records of some customers."""
        return Records(
            self.first[customers],
            self.last[customers],
            self.orders[customers],
            self.fading[:, customers].copy(),
            self.spend[customers],
            self.usual_basket,
        )
