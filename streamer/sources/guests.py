"""Orders of a file that name no customer: money of the shop that belongs to nobody's segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Guests:
    """Orders and refunds without a customer, each counted once, however many rows it has.

    Attributes
    ----------
    money
        Orders less refunds, by currency, in its units.
    """

    orders: int = 0
    refunds: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def add(self, name: str, amount: Decimal, currency: str, *, refund: bool) -> None:
        """Count what a row says of the order or refund of that name; its rows may come one by one."""
        if name not in self._seen:
            self._seen.add(name)
            self.orders += not refund
            self.refunds += refund
        self.money[currency] = self.money.get(currency, Decimal(0)) + (-amount if refund else amount)

    def knows(self, name: str) -> bool:
        """Whether the order or refund was counted."""
        return name in self._seen

    def to_dict(self) -> dict[str, object]:
        """The figures by the names they have in JSON, money as text that keeps every digit."""
        return {
            "orders": self.orders,
            "refunds": self.refunds,
            "money": {code: f"{sum_:f}" for code, sum_ in self.money.items()},
        }
