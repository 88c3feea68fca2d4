"""Guest orders of a file, which name no customer: revenue outside all segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Guests:
    """Orders and refunds without a customer, each counted once for all its rows.

    Attributes
    ----------
    money
        Orders less refunds, by currency, in major units.
    """

    orders: int = 0
    refunds: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def add(self, name: str, amount: Decimal, currency: str, *, refund: bool) -> None:
        """Add a row's amount to the order or refund ``name``; its rows may be added one by one."""
        if name not in self._seen:
            self._seen.add(name)
            self.orders += not refund
            self.refunds += refund
        self.money[currency] = self.money.get(currency, Decimal(0)) + (-amount if refund else amount)

    def knows(self, name: str) -> bool:
        """Whether the order or refund is already counted."""
        return name in self._seen

    def to_dict(self) -> dict[str, object]:
        """The figures under their JSON names, with money as exact text."""
        return {
            "orders": self.orders,
            "refunds": self.refunds,
            "money": {code: f"{sum_:f}" for code, sum_ in self.money.items()},
        }
