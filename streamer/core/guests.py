"""Orders of guests: nobody is moved by them, and their money is counted apart, so that none is lost without a word. Pure."""

from __future__ import annotations

from typing import Any, Final

from models.customer.dedupe import digest
from schemas.errors import InvalidEvent
from schemas.money import to_minor
from streamer.core.ledger import Guests, Ledger

_SIGNS: Final = {"order.completed": 1, "order.refunded": -1, "order.cancelled": -1}
_REMEMBERED: Final = 64
"""Latest orders and refunds of guests by which a lane knows repeats."""
_MOST_MONEY: Final = 2**62


def is_counted(event: Any) -> bool:
    """Whether an event is an order or refund that says its amount."""
    return event.type in _SIGNS and event.total is not None


def count(ledger: Ledger, event: Any, base: str) -> None:
    """Add an event that names no customer to the sums of guests, if it is an order or refund that says its amount.

    Corrections (``order.updated``) are not added: nothing is remembered of a guest's order but that it was there.

    Parameters
    ----------
    base
        The shop's currency, of amounts that name none.

    Raises
    ------
    InvalidEvent
        The sum would leave 64 bits, or there is no such currency.
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
        raise InvalidEvent("invalid_field", "total: the sum of all guests' orders would leave 64 bits", "total")
    ledger.guests = Guests(
        guests.orders + (sign > 0),
        guests.refunds + (sign < 0),
        {**guests.money, currency: money},
        [*guests.latest, name][-_REMEMBERED:],
    )
