"""Guest orders: they belong to no customer, so their money is counted separately instead of being lost. Pure."""

from __future__ import annotations

from typing import Any, Final

from models.customer.dedupe import digest
from schemas.errors import InvalidEvent
from schemas.money import to_minor
from streamer.core.ledger import Guests, Ledger

_SIGNS: Final = {"order.completed": 1, "order.refunded": -1, "order.cancelled": -1}
_REMEMBERED: Final = 64
"""Number of recent guest orders and refunds kept to detect duplicates."""
_MOST_MONEY: Final = 2**62


def is_counted(event: Any) -> bool:
    """Return whether an event is an order or refund with an amount."""
    return event.type in _SIGNS and event.total is not None


def count(ledger: Ledger, event: Any, base: str) -> None:
    """Add an event without a customer to the guest totals, if it is an order or refund with an amount.

    Corrections (``order.updated``) are not added: the ledger remembers only that a guest's order existed.

    Parameters
    ----------
    base
        The shop's currency, for amounts without one.

    Raises
    ------
    InvalidEvent
        The sum would exceed 64 bits, or the currency does not exist.
    """
    if not is_counted(event):
        return
    sign = _SIGNS[event.type]
    currency = event.currency or base
    guests = Guests() if ledger.guests is None else ledger.guests
    name = digest("\0".join((event.type, event.order_id or "", getattr(event, "refund_id", "")))).hex()
    if name in guests.latest:
        return
    money = guests.money.get(currency, 0) + sign * to_minor(event.total, currency)
    if abs(money) > _MOST_MONEY:
        raise InvalidEvent("invalid_field", "total: the sum of all guests' orders would exceed 64 bits", "total")
    ledger.guests = Guests(
        guests.orders + (sign > 0),
        guests.refunds + (sign < 0),
        {**guests.money, currency: money},
        [*guests.latest, name][-_REMEMBERED:],
    )
