"""Checks before publishing whether a lane would apply an event, so that the sender gets an immediate answer."""

from __future__ import annotations

from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.events import Event
from schemas.ids import is_nobody
from schemas.kindly import Reading
from streamer.core.admission import MISSING, PLACEHOLDER, check_time
from streamer.core.policy import Policy


class Nobody(InvalidEvent):
    """The event has no customer; ``event`` holds the rest of it."""

    def __init__(self, event: Event, message: str) -> None:
        super().__init__("nobody", message, "customer_id")
        self.event = event


def precheck(
    value: bytes, policy: Policy, now_ms: int, reading: Reading | None = None, noted: list[str] | None = None
) -> Event:
    """Return the event of a body as a lane would read it at ``now_ms``.

    Checks that need the customer's state (duplicates, an id already joined to another) are left to the lane.

    Parameters
    ----------
    reading
        If set, contract violations are read leniently, as lanes do unless STREAMER_STRICT is set.
    noted
        Collects the fields that were dropped or defaulted.

    Raises
    ------
    InvalidEvent
        The lane would write it to the dead letters, with this reason.
    """
    event = decode(None, value, max_event_bytes=policy.max_event_bytes, reading=reading, noted=noted)
    check_time(event.occurred_at, now_ms, policy, None)
    if getattr(event, "total", None) is not None and (currency := unknown_currency(event, policy)):
        raise InvalidEvent("unknown_currency", f"currency: no rate for {currency}", "currency")
    id = event.partition_id()
    if not id or is_nobody(id, policy.nobody):
        raise Nobody(event, PLACEHOLDER if id else MISSING)
    return event


def unknown_currency(event: Event, policy: Policy) -> str | None:
    """Return the event's currency if the shop has no rate for it, else None.

    Lanes reject such an order; a view only loses its price.
    """
    currency: str | None = getattr(event, "currency", None)
    return currency if currency is not None and currency not in policy.rates.rates else None
