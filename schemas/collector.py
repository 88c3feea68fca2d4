"""Requests and responses of the collector (``POST /v1/events`` and Segment's calls)."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

MAX_CALL_BYTES: Final = 32_768
"""Maximum bytes of a call on Segment's paths, and of one event sent with a write key."""

MAX_BODY_BYTES: Final = 512_000
"""Maximum bytes of a request, uncompressed."""

MAX_WEBHOOK_BYTES: Final = 4 << 20
"""Maximum bytes of a shop's webhook, which holds an order with all its lines."""

MAX_EVENTS: Final = 5_000
"""Maximum number of events in a request."""

NEVER_PUBLIC: Final = frozenset(("customer.erased", "identity.linked", "consent.updated"))
"""Events that no write key may send: anyone who opens the page could send them for other customers."""

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
"""Events that a write key may send only if ``streamer tokens create --allow`` lists them."""


class Rejection(BaseModel):
    """An event that was not accepted.

    ``index`` is its position in the request, from 0. ``reason`` is one of the dead-letter reasons, or ``not_allowed``
    if the key may not send such an event.
    """

    index: int
    event_id: str | None
    reason: str
    detail: str


class Receipt(BaseModel):
    """The number of events that Kafka acknowledged, and the reasons for rejecting others.

    ``guests`` is the number of accepted orders without a customer; omitted if there are none.
    """

    accepted: int
    rejected: list[Rejection]
    guests: int = 0
