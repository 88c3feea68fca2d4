"""Fold one valid event into its customer: statistics, order book, behaviour memory. Segments are assigned elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from models.behaviour.memory import Memory
from models.customer.customer import Customer
from models.customer.dedupe import digest, holds
from models.customer.orders import REMEMBERED, Booking, Order, Reversal, Version, total, unnamed
from models.customer.statistics import INTERACTION_INDEX
from models.features.context import FeatureContext
from schemas.arrivals import Arrival, Interaction, Line, OrderCompleted, OrderReversed
from schemas.errors import InvalidEvent
from schemas.events import Event, types_of
from schemas.events import OrderCompleted as OrderCompletedModel
from schemas.fields import MAX_AMOUNT
from schemas.money import Rates

MAX_ORDER_CATEGORIES = 20
_ORDERS = types_of(OrderCompletedModel)


@dataclass(frozen=True, slots=True)
class FoldContext:
    """The inputs of folding: exchange rates, the shop's units, and the behaviour memory."""

    rates: Rates
    shop: FeatureContext
    memory: Memory
    tracked_as: Callable[[str], str] = lambda name: name
    """Count a custom event for the lane and return the name it is counted under."""


class Folded(msgspec.Struct, frozen=True, gc=False):
    """Amounts that folding booked, for the ledger: money (minor units), orders and reversals."""

    money: int = 0
    orders: int = 0
    reversals: int = 0


def is_duplicate(customer: Customer, event_digest: bytes, event: Arrival | Event) -> bool:
    """Return whether the event, or the order it completes, is in the customer's dedupe window."""
    ids = customer.dedupe_window.ids
    # Almost always absent, so this saves the call. `in` would treat the digest as a number and raise an error.
    if ids.find(event_digest) >= 0 and holds(ids, event_digest):
        return True
    # The string comparison saves the slower isinstance check for most events.
    return event.type in _ORDERS and isinstance(event, OrderCompleted) and customer.book.knows(digest(event.order_id))


def corrects(
    customer: Customer, event_digest: bytes, event: OrderCompleted, money: int | None, rates: Rates, *, imported: bool
) -> bool:
    """Return whether an event about a remembered order carries new content.

    Parameters
    ----------
    money
        The order's total in minor units.
    imported
        Whether an import wrote it: then a known order with different content is a correction too.
    """
    name, book = digest(event.order_id), customer.book
    if holds(customer.dedupe_window.ids, event_digest):
        return False
    if not (imported or _is_update(event) or book.was_corrected(name)):
        return False
    assert money is not None
    return book.is_news(_order_of(event, money, rates), _version(event))


def check_remembered(customer: Customer, event: OrderCompleted) -> None:
    """Raise InvalidEvent (``too_late``) for a correction of an order that is no longer remembered."""
    if customer.book.has_forgotten and not customer.book.knows(digest(event.order_id)):
        raise InvalidEvent(
            "too_late",
            f"order_id: only the {REMEMBERED} latest orders can be corrected",
            "order_id",
        )


def _is_update(event: OrderCompleted) -> bool:
    return event.type == "order.updated" or event.updated_at is not None


def _version(event: OrderCompleted) -> int:
    return event.occurred_at if event.updated_at is None else event.updated_at


def _order_of(event: OrderCompleted, money: int, rates: Rates) -> Order:
    discounted = int(bool(event.discount) or event.coupon is not None)
    categories = _by_category(event.products, event.currency, rates)
    return Order(event.occurred_at, digest(event.order_id), money, _items(event.products), discounted, categories)


def fold_correction(customer: Customer, event: OrderCompleted, money: int | None, context: FoldContext) -> Folded:
    """Book the difference between an order's corrected total, ``money`` minor units, and its previous content."""
    assert money is not None
    bookings = customer.book.correct(_order_of(event, money, context.rates), _version(event), _is_update(event))
    customer.post(bookings, context.shop.half_life)
    booked = total(bookings)
    if booked:
        context.memory.take_back(customer.row, -booked, whole=False)
    return Folded(booked)


def fold_order(customer: Customer, event: OrderCompleted, money: int | None, context: FoldContext) -> Folded:
    """Fold a completed order of ``money`` minor units."""
    assert money is not None
    memory = context.memory
    order = _order_of(event, money, context.rates)
    discounted, categories = order.discounted, order.categories
    bookings = customer.book.add(order)
    if _is_update(event):
        customer.book.versions.append(Version(order.name, _version(event)))
    customer.post(bookings, context.shop.half_life)
    memory.add_order(customer.row, money, bool(discounted), categories)
    counted = money
    if not order.live:
        memory.take_back(customer.row, money, discounted=bool(discounted), categories=categories)
        counted = 0
    booked = total(bookings)
    if booked != counted:
        # Earlier reversals of this order were deducted on arrival; here they are part of the order.
        memory.take_back(customer.row, counted - booked, whole=False)
    return Folded(booked, orders=1)


def fold_reversal(customer: Customer, event: OrderReversed, money: int | None, context: FoldContext) -> Folded:
    """Fold a refund or cancellation of ``money`` minor units; None reverses the whole order."""
    memory = context.memory
    items = _items(event.products)
    named = event.order_id is not None
    reversal = Reversal(event.occurred_at, digest(event.order_id) if event.order_id else b"", money, items)
    known = False
    if named:
        reversal.refund = digest(event.refund_id)
        if event.updated_at is not None:
            reversal.version = event.updated_at
        known = customer.book.earlier_notice(reversal) is not None
    bookings: list[Booking] = customer.book.reverse(reversal) if named else [unnamed(reversal)]
    customer.post(bookings, context.shop.half_life)
    booked = total(bookings)
    if sum(booking.orders for booking in bookings) < 0:
        gone = bookings[0]
        memory.take_back(customer.row, -booked, discounted=gone.discounted < 0, categories=gone.categories)
    elif booked:
        memory.take_back(customer.row, -booked, whole=False)
    return Folded(booked, reversals=int(not known))


def fold_interaction(customer: Customer, event: Interaction, money: None, context: FoldContext) -> Folded:
    """Fold a view, click, cart or message interaction."""
    kind = INTERACTION_INDEX[event.type]
    customer.interact(kind, event.category, event.occurred_at, context.shop.half_life)
    context.memory.add_interaction(customer.row, event.type, event.category)
    return NOTHING_BOOKED


NOTHING_BOOKED = Folded()


def _items(lines: Sequence[Line]) -> int:
    items = sum([_quantity(line) for line in lines])
    if type(items) is int:
        return items
    # Part of a piece (0.350 kg of cheese) counts as one item.
    return sum(math.ceil(one) if one > 0 else math.floor(one) for one in map(_quantity, lines))


def _quantity(line: Line) -> int | float:
    """Return the line's quantity; 1 if absent."""
    return 1 if line.quantity is None else line.quantity


def _by_category(lines: Sequence[Line], currency: str | None, rates: Rates) -> tuple[tuple[str, int], ...]:
    """Return the minor units per category over an order's lines, largest first, at most 20."""
    sums: dict[str, float] = {}
    for line in lines:
        category = line.category
        if category is not None:
            amount = (line.price or 0.0) * _quantity(line)
            # Price times quantity may far exceed 64 bits of minor units; an order's total never does.
            amount = max(-MAX_AMOUNT, min(MAX_AMOUNT, sums.get(category, 0.0) + amount))
            sums[category] = amount
    if len(sums) > MAX_ORDER_CATEGORIES:
        sums = dict(sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:MAX_ORDER_CATEGORIES])
    return tuple((category, rates.minor(amount, currency)) for category, amount in sums.items())
