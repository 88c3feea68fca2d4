"""Checks of a handover: other programs can write such records, so every field is validated before a merge."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from models.behaviour.memory import check as check_behaviour
from models.customer.dedupe import DIGEST
from models.customer.merging import Handover
from models.customer.orders import REMEMBERED, OrderBook
from models.customer.statistics import MAX_CATEGORIES, Statistics
from schemas.errors import InvariantViolation
from schemas.wire_time import EARLIEST_MS

MOST: Final = 2**62
"""Largest absolute value of a sum: two of them still fit into 64 bits."""
_MOST_WEIGHT: Final = 1e300
_MOST_TEXT: Final = 4_096


def check(handover: Handover, latest: int) -> None:
    """Raise ValueError if the handover holds a value that no customer can have by the instant ``latest`` (ms)."""
    _instants(handover, latest)
    _bounded(msgspec.to_builtins(handover))
    _counts(handover.statistics)
    _orders(handover.book)
    profile = handover.profile
    if profile is not None and len(profile.outcomes) != len(profile.outcome_weights):
        raise ValueError("outcomes have the wrong form")
    if handover.behaviour is not None:
        try:
            check_behaviour(handover.behaviour)
        except InvariantViolation as error:
            raise ValueError(str(error)) from None


def _counts(statistics: Statistics) -> None:
    categories = statistics.categories
    if len(categories) > MAX_CATEGORIES + 1 or any(len(sums) != 2 for sums in categories.values()):
        raise ValueError("categories have the wrong form")
    if min(statistics.interactions, default=0) < 0 or abs(statistics.era) > 1_000:
        raise ValueError("counts have the wrong form")


def _orders(book: OrderBook) -> None:
    names = [order.name for order in book.orders] + [reversal.name for reversal in book.waiting]
    if len(book.orders) > REMEMBERED or len(book.waiting) > REMEMBERED:
        raise ValueError("there are more orders than a customer can hold")
    if any(len(name) != DIGEST for name in names):
        raise ValueError("an order has no name")


def _instants(handover: Handover, latest: int) -> None:
    book, profile = handover.book, handover.profile
    instants = [handover.at, handover.first_seen, handover.last_seen]
    instants += [order.at for order in book.orders] + [reversal.at for reversal in book.waiting]
    found: list[int | None] = [book.older_first, book.older_last]
    if profile is not None:
        found += [profile.since, profile.erased, None if profile.consent is None else profile.consent.at]
        instants += [trait.at for trait in profile.traits.values()]
        instants += [subscription.at for subscription in profile.subscriptions.values()]
    instants += [at for at in found if at is not None]
    if min(instants) < EARLIEST_MS or max(instants) > latest:
        raise ValueError("a time is before 1990 or in the future")


def _bounded(value: Any) -> None:
    """Raise ValueError for a number or text larger than a state can hold."""
    if isinstance(value, int):
        if abs(value) >= MOST:
            raise ValueError("a number is too large")
    elif isinstance(value, float):
        if not abs(value) < _MOST_WEIGHT:
            raise ValueError("a number is too large")
    elif isinstance(value, str):
        if len(value) > _MOST_TEXT:
            raise ValueError("a text is too long")
    elif isinstance(value, dict):
        for name, held in value.items():
            _bounded(name)
            _bounded(held)
    elif isinstance(value, list | tuple):
        for held in value:
            _bounded(held)
