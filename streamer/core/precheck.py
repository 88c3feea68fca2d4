"""Whether a lane would apply an event, judged before it is published, so that its sender learns of it at once."""

from __future__ import annotations

from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.events import Event
from schemas.ids import is_nobody
from schemas.kindly import Reading
from streamer.core.admission import MISSING, PLACEHOLDER, check_time
from streamer.core.policy import Policy


class Nobody(InvalidEvent):
    """An event names no customer; ``event`` is what it says all the same."""

    def __init__(self, event: Event, message: str) -> None:
        super().__init__("nobody", message, "customer_id")
        self.event = event


def precheck(
    value: bytes, policy: Policy, now_ms: int, reading: Reading | None = None, noted: list[str] | None = None
) -> Event:
    """The event of a body, as a lane would read it at ``now_ms``.

    What only the customer's own state decides (a repeat, an id that is joined to another already) is not judged here.

    Parameters
    ----------
    reading
        With it, what breaks the contract is read kindly, as lanes do unless STREAMER_STRICT is set.
    noted
        Takes the fields that were then left out or taken for granted.

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
    """The event's currency where the shop has no rate for it. Lanes refuse such an order; a price of a view they leave out."""
    currency: str | None = getattr(event, "currency", None)
    return currency if currency is not None and currency not in policy.rates.rates else None
