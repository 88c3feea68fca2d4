"""Requests and responses of the collector (``POST /v1/events`` and Segment's calls)."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

MAX_CALL_BYTES: Final = 32_768
"""The most bytes of one call on Segment's paths, and of one event of a write key."""

MAX_BODY_BYTES: Final = 512_000
"""The most bytes of one request, unpacked."""

MAX_WEBHOOK_BYTES: Final = 4 << 20
"""The most bytes of a shop's webhook: an order with all its lines."""

MAX_EVENTS: Final = 5_000
"""The most events of one request."""

NEVER_PUBLIC: Final = frozenset(("customer.erased", "identity.linked", "consent.updated"))
"""Events that a write key cannot send, whatever it is allowed: everybody who opens the page could send them for others."""

UNLESS_ALLOWED: Final = frozenset(
    (
        "order.completed",
        "order.updated",
        "order.refunded",
        "order.cancelled",
        "feedback.submitted",
        "message.outcome",
        "subscription.updated",
    )
)
"""Events that a write key may send only where ``streamer tokens create --allow`` names them."""


class Rejection(BaseModel):
    """An event that was not accepted.

    ``index`` is its place in the request, from 0. ``reason`` is one of the dead letters' reasons, or ``not_allowed``
    where the key may not send such an event.
    """

    index: int
    event_id: str | None
    reason: str
    detail: str


class Receipt(BaseModel):
    """The number of events that Kafka acknowledged, and the reasons for rejecting others.

    ``guests`` is how many of those accepted are orders that name no customer; it is left out where there are none.
    """

    accepted: int
    rejected: list[Rejection]
    guests: int = 0
