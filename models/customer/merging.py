"""Two ids that turn out to be one person: what one customer hands over, and how another takes it in.

Statistics are sums, so taking in is adding; what both had booked in a way that needs the other (an order known twice, a
reversal that waited for an order) is booked anew. So lifetime and decayed statistics are those of one customer to whom
everything had happened, whatever came first, inside the windows of event ids and orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from models.customer import statistics
from models.customer.customer import Customer
from models.customer.dedupe import DIGEST, WINDOW, holds
from models.customer.orders import Order, OrderBook, Reversal
from models.customer.profile import Profile, padded


class Statistics(msgspec.Struct, omit_defaults=True):
    """What a customer hands over beside orders and event ids; in JSON, bytes are base64.

    Attributes
    ----------
    event_id, at, import_id
        The event that linked the two, when it happened (ms), and the import that wrote it, if one did.
    behaviour
        The behaviour memory; None for who has none.
    """

    event_id: str
    at: int
    import_id: str | None
    first_seen: int
    last_seen: int
    orders: int
    spend: int
    items: int
    discounted: int
    spend_weight: float
    order_weight: float
    interactions: list[int]
    categories: dict[str, list[float]]
    waiting: list[Reversal]
    older_first: int | None
    older_last: int | None
    profile: Profile | None = msgspec.field(name="about")
    behaviour: bytes | None
    era: int = 0


def handed_over(
    customer: Customer, behaviour: bytes | None, event_id: str, at: int, import_id: str | None
) -> tuple[dict[str, Any], list[int], list[Any]]:
    """Statistics, event ids and orders of a customer, as JSON values."""
    book, ids = customer.book, customer.dedupe_window.ids[-WINDOW * DIGEST :]
    told = Statistics(
        event_id=event_id,
        at=at,
        import_id=import_id,
        first_seen=customer.first_seen,
        last_seen=customer.last_seen,
        orders=customer.orders,
        spend=customer.spend,
        items=customer.items,
        discounted=customer.discounted,
        spend_weight=customer.spend_weight,
        order_weight=customer.order_weight,
        interactions=customer.interactions,
        categories=customer.categories,
        waiting=book.waiting,
        older_first=book.older_first,
        older_last=book.older_last,
        profile=customer.profile,
        behaviour=behaviour,
        era=customer.era,
    )
    digests = [int.from_bytes(ids[at : at + DIGEST], "big") for at in range(0, len(ids), DIGEST)]
    return _plain(told), digests, _plain(book.orders)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def read(statistics: Any, orders: Any) -> tuple[Statistics, list[Order]]:
    """What `handed_over` gave; ValueError on anything else."""
    return msgspec.convert(statistics, Statistics), msgspec.convert(orders, list[Order])


def take_events(customer: Customer, event_ids: Sequence[int]) -> None:
    """Remember the events of the other one as well."""
    for number in event_ids:
        one = number.to_bytes(DIGEST, "big")
        if not holds(customer.dedupe_window.ids, one):
            customer.dedupe_window.add(one)


def take_statistics(customer: Customer, told: Statistics, orders: list[Order], half_life: float) -> None:
    """Add what the other one handed over to a customer who may be put into segments; ``half_life`` in ms."""
    customer.first_seen = min(customer.first_seen, told.first_seen)
    customer.last_seen = max(customer.last_seen, told.last_seen)
    customer.orders += told.orders
    customer.spend += told.spend
    customer.items += told.items
    customer.discounted += told.discounted
    fade = statistics.common_era(customer, told.era)
    customer.spend_weight = statistics.plus(customer.spend_weight, told.spend_weight * fade)
    customer.order_weight = statistics.plus(customer.order_weight, told.order_weight * fade)
    for kind, count in enumerate(told.interactions[: len(customer.interactions)]):
        customer.interactions[kind] += count
    for category, (money, interactions) in told.categories.items():
        statistics.add_category(customer, category, money * fade, interactions * fade)
    other = OrderBook(orders, told.waiting, told.older_first, told.older_last)
    statistics.book(customer, customer.book.absorb(other), half_life)


def take_profile(mine: Profile, other: Profile, fade: float = 1.0) -> None:
    """Add traits, feedback, outcomes and subscriptions; ``fade`` brings the other one's decayed sums into our era."""
    if fade != 1.0:
        other.fade(fade)
    for name, trait in other.traits.items():
        mine.merge_trait(name, trait)
    for kind, rated in other.ratings.items():
        mine.add_ratings(kind, rated)
    mine.complaints += other.complaints
    mine.complaint_weight += other.complaint_weight
    if other.outcomes:
        counts = zip(padded(mine.outcomes, 0), padded(other.outcomes, 0), strict=True)
        weights = zip(padded(mine.outcome_weights, 0.0), padded(other.outcome_weights, 0.0), strict=True)
        mine.outcomes = [a + b for a, b in counts]
        mine.outcome_weights = [a + b for a, b in weights]
    for name, said in other.subscriptions.items():
        mine.subscribe(name, said)
