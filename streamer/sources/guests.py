"""Count guest orders of a file: they name no customer, so their revenue is outside all segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Guests:
    """Orders and refunds without a customer, each counted once regardless of its rows.

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
        """Add a row's amount to the order or refund ``name``, whose rows may be added one by one."""
        if name not in self._seen:
            self._seen.add(name)
            self.orders += not refund
            self.refunds += refund
        self.money[currency] = self.money.get(currency, Decimal(0)) + (-amount if refund else amount)

    def knows(self, name: str) -> bool:
        """Return whether this order or refund is already counted."""
        return name in self._seen

    def to_dict(self) -> dict[str, object]:
        """Return the figures under their JSON names, with exact amounts as text."""
        return {
            "orders": self.orders,
            "refunds": self.refunds,
            "money": {code: f"{sum_:f}" for code, sum_ in self.money.items()},
        }
