"""Merging two ids of one person: the state that one customer hands over, and its addition to the other.

Statistics are sums, so merging adds them. Bookings that depend on the other side (an order both know, a reversal that
waited for an order) are booked again. Within the windows of event ids and orders, lifetime and decayed statistics
therefore equal those of one customer who received all events, in any order of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from models.customer.customer import Customer
from models.customer.dedupe import DIGEST, WINDOW, holds
from models.customer.orders import Order, OrderBook, Reversal, Version
from models.customer.profile import Profile
from models.customer.statistics import Statistics


class _Link(msgspec.Struct):
    """Handover fields that precede the statistics."""

    event_id: str
    at: int
    import_id: str | None
    first_seen: int
    last_seen: int


class _Rest(msgspec.Struct, omit_defaults=True):
    """Handover fields that follow the statistics; in JSON, bytes are base64."""

    waiting: list[Reversal]
    older_first: int | None
    older_last: int | None
    profile: Profile | None = msgspec.field(name="about")
    behaviour: bytes | None
    refunds: list[Reversal] = []
    versions: list[Version] = []


class Handover(msgspec.Struct):
    """The state that a customer hands over to another id, without event ids.

    Attributes
    ----------
    event_id, at, import_id
        The event that linked the two ids, its instant (ms), and the import that wrote it, if any.
    behaviour
        The behaviour memory; None for a customer without one.
    """

    event_id: str
    at: int
    import_id: str | None
    first_seen: int
    last_seen: int
    statistics: Statistics
    book: OrderBook
    profile: Profile | None
    behaviour: bytes | None


def hand_over(
    customer: Customer, behaviour: bytes | None, event_id: str, at: int, import_id: str | None
) -> tuple[dict[str, Any], list[int], list[Any]]:
    """Return a customer's statistics, event ids and orders as JSON values."""
    book, ids = customer.book, customer.dedupe_window.ids[-WINDOW * DIGEST :]
    link = _Link(event_id, at, import_id, customer.first_seen, customer.last_seen)
    rest = _Rest(
        book.waiting, book.older_first, book.older_last, customer.profile, behaviour, book.refunds, book.versions
    )
    statistics = {**_plain(link), **_plain(customer.statistics.handed_over()), **_plain(rest)}
    digests = [int.from_bytes(ids[at : at + DIGEST], "big") for at in range(0, len(ids), DIGEST)]
    return statistics, digests, _plain(book.orders)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def read(statistics: Any, orders: Any) -> Handover:
    """Decode the output of `hand_over`. Raises ValueError for anything else."""
    link, rest = msgspec.convert(statistics, _Link), msgspec.convert(statistics, _Rest)
    span = rest.older_first, rest.older_last
    book = OrderBook(msgspec.convert(orders, list[Order]), rest.waiting, *span, rest.refunds, rest.versions)
    counted = Statistics.of(statistics)
    seen = link.first_seen, link.last_seen
    return Handover(link.event_id, link.at, link.import_id, *seen, counted, book, rest.profile, rest.behaviour)


def take_events(customer: Customer, event_ids: Sequence[int]) -> None:
    """Add the other id's event ids to the dedupe window."""
    for number in event_ids:
        one = number.to_bytes(DIGEST, "big")
        if not holds(customer.dedupe_window.ids, one):
            customer.dedupe_window.add(one)


def take_over(customer: Customer, profile: Profile, handover: Handover, half_life: float) -> None:
    """Add the other id's handover to a segmentable customer and its profile; ``half_life`` in ms."""
    fade = customer.join_era(handover.statistics.era)
    if fade != 1.0:
        handover.statistics.fade(fade)
        if handover.profile is not None:
            handover.profile.fade(fade)
    if handover.profile is not None:
        profile.merge(handover.profile)
    customer.first_seen = min(customer.first_seen, handover.first_seen)
    customer.last_seen = max(customer.last_seen, handover.last_seen)
    customer.statistics.merge(handover.statistics)
    customer.post(customer.book.absorb(handover.book), half_life)
