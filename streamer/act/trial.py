"""Send a test message: rendered with a customer's data and sent to the tester, bypassing all gates and counters."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from models.customer.customer import Customer
from models.messages import TABLES
from schemas.changes import ReceivedChange, SegmentRef
from streamer.act import secrets
from streamer.act.heart import coupons
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Book, Play
from streamer.act.render import Draft, Rendered, RenderError, render

if TYPE_CHECKING:
    from streamer.config.settings import Settings


TRIAL_CODE: Final = "EXAMPLE"
"""Coupon code of a trial, which uses up no code of a pool."""


async def trial(
    settings: Settings, book: Book, play: Play, customer: Customer, address: str | None, kafka: str | None = None
) -> tuple[Rendered, Answer | None]:
    """Render a play's template for a customer, and send it to ``address`` if given.

    ``kafka`` is the embedded Kafka, for settings without one.

    Returns
    -------
    The message, and the channel's answer. Raises UserError if the template cannot be rendered.
    """
    from schemas.errors import UserError
    from streamer.act.process import senders

    message = _made_up(play, customer, book.version)
    url = f"{book.shop.web}/u/trial" if book.shop.web else ""
    try:
        coupon = coupons.given(TRIAL_CODE, play.coupon, customer, settings.timezone, message.planned)
        rendered = render(Draft(message, book, customer, url, settings.language, address or "", coupon))
    except RenderError as error:
        raise UserError(
            f"cannot render the template: {error}", "see docs/plays.md for what a template may contain"
        ) from None
    if address is None:
        return rendered, None
    channel = book.channels[play.channel]
    found = senders(secrets.load(settings), lambda: settings.kafka_connection(kafka))

    async def begun() -> bool:
        return True

    try:
        return rendered, await found[channel.kind].send(channel, message, rendered, address, begun)
    finally:
        for sender in found.values():
            await sender.close()


def _made_up(play: Play, customer: Customer, version: int) -> Message:
    """Return a message as if the customer had just entered the first segment that triggers the play."""
    now = time.time_ns() // 1_000_000
    when = play.when

    def named(id: str) -> SegmentRef:
        shipped = TABLES["en"].segments.get((when.segmentation, id))
        return SegmentRef(id, id if shipped is None else shipped.name)

    def first(ids: frozenset[str] | None) -> SegmentRef | None:
        return None if not ids else named(min(ids))

    held = customer.segments.get(when.segmentation)
    to = first(when.to) or (None if held is None else named(held.segment))
    change = ReceivedChange(
        event_id=f"trial-{uuid4().hex}",
        customer_id=customer.id,
        seq=customer.seq + 1,
        segmentation=when.segmentation,
        from_segment=first(when.source),
        to_segment=to,
        cause="event",
        automation_safe=False,
        changed_at=datetime.now(UTC),
    )
    return Message(
        id=str(uuid4()),
        play=play.name,
        version=version,
        customer=customer.id,
        change=change,
        planned=now,
        due=now,
        expires=now + play.expires,
        claimed=now,
    )
