"""The prediction inputs of each customer: five numbers about order-days, and the money spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.behaviour.layout import FloatArray, IntArray

HALF_LIVES = (25.0, 120.0)
"""Half-lives of the two decayed counts of order-days, in days."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of several customers, each as of the last order-day, so that nothing here changes with the clock.

    Attributes
    ----------
    first, last
        Shape (n,), days of the first and the last order.
    orders
        Shape (n,), number of order-days; 0 for a customer without orders.
    fading
        Shape (2, n), order-days decayed by HALF_LIVES, on the last order-day.
    spend
        Shape (n,), lifetime money, minor units.
    usual_basket
        The shop's usual spend per order-day, minor units; 0 if unknown.
    """

    first: FloatArray
    last: FloatArray
    orders: FloatArray
    fading: FloatArray
    spend: FloatArray
    usual_basket: float = 0.0

    @classmethod
    def empty(cls, customers: int) -> Records:
        """Return the records of customers without orders."""
        return cls(
            np.zeros(customers), np.zeros(customers), np.zeros(customers), np.zeros((2, customers)), np.zeros(customers)
        )

    def against(self, usual_basket: float) -> Records:
        """Return the same records with another ``usual_basket``."""
        return replace(self, usual_basket=usual_basket)

    @property
    def median_basket(self) -> float:
        """The median money per order-day of customers who paid, minor units; 0 if there are none."""
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
        """Return all records, repeated ``times`` times."""
        return Records(
            np.tile(self.first, times),
            np.tile(self.last, times),
            np.tile(self.orders, times),
            np.tile(self.fading, (1, times)),
            np.tile(self.spend, times),
            self.usual_basket,
        )

    def of(self, customers: IntArray) -> Records:
        """Return a copy of the records of some customers."""
        return Records(
            self.first[customers],
            self.last[customers],
            self.orders[customers],
            self.fading[:, customers].copy(),
            self.spend[customers],
            self.usual_basket,
        )
