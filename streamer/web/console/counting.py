"""Compute figures that require all customers, periodically: money by segment, orders over time, upcoming moves.

It uses its own reader and runs in a thread, so that pages never wait for it: they show the last count with its time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import structlog

from models.customer.customer import Customer
from models.customer.profile import may_be_approached
from models.rules.cards import Census, census
from models.rules.due import next_moves
from schemas.errors import TransientError, UserError
from streamer.adapters.redis_reader import ViewReader
from streamer.queries.everyone import in_lane
from streamer.queries.foreseen_of_many import foreseen_of_many, now_in
from streamer.queries.members import PREDICTIONS
from streamer.queries.sales import Sales
from streamer.web.api.addresses import AddressIndex
from streamer.web.api.book import Book, Page
from streamer.web.console.reach import Reach

AHEAD_DAYS: Final = 7
_DAY_MS: Final = 86_400_000
_LEAST_SECONDS: Final = 60.0
_OF_THE_TIME: Final = 0.02
"""Maximum share of a core that counting uses."""
_RETRY_SECONDS: Final = 2.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ahead:
    """A customer who moves within `AHEAD_DAYS` without further events; ``at`` is in epoch ms."""

    customer: str
    at: int


@dataclass(frozen=True)
class Count:
    """One pass over all customers.

    Attributes
    ----------
    at
        Clock at the count, epoch ms.
    ahead
        Moves by time alone, keyed by segmentation, source and target; soonest first.
    sales
        Orders over time, up to ``today``, the grid day of the count.
    reach
        Customers worth contacting, and customers who need no offer.
    addresses
        Index of the customers' addresses.
    """

    at: int
    census: Census
    ahead: dict[tuple[str, str, str], list[Ahead]]
    sales: Sales
    today: int
    reach: Reach
    addresses: AddressIndex


class Counting:
    """Keeps the newest `Count`; None before the first."""

    def __init__(self, view: Callable[[], ViewReader], book: Book) -> None:
        self._make = view
        self._book = book
        self.newest: Count | None = None

    def addresses(self) -> AddressIndex | None:
        """Return the addresses of the newest count."""
        return None if self.newest is None else self.newest.addresses

    async def follow(self) -> None:
        """Count repeatedly until cancelled, less often the longer it takes."""
        while True:
            begun = time.monotonic()
            try:
                page = self._book.page
                self.newest = await asyncio.to_thread(self._count, page)
            except (TransientError, UserError) as error:
                _log.debug("failed to count customers; retrying", why=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            # A new shop is counted sooner, because its first figures change with every record.
            took = time.monotonic() - begun
            await asyncio.sleep(
                max(_LEAST_SECONDS if self.newest.census.shop.customers else _RETRY_SECONDS, took / _OF_THE_TIME)
            )

    def _count(self, page: Page) -> Count:
        with closing(self._make()) as view:
            return count(view, page)


def count(view: ViewReader, page: Page) -> Count:
    """Read every customer once."""
    ahead: dict[tuple[str, str, str], list[Ahead]] = {}
    sales, reach, addresses = Sales(page.policy.grid), Reach(), AddressIndex()
    everyone = _addressed(_everyone(view, page, reach), addresses)
    people = _looked_ahead(sales.counting(everyone), page, ahead)
    found = census(people, page.clock, page.policy.shop)
    addresses.settle()
    for those in ahead.values():
        those.sort(key=lambda one: (one.at, one.customer))
    return Count(page.clock, found, ahead, sales, page.policy.grid.day_of(page.clock), reach, addresses)


def _everyone(view: ViewReader, page: Page, reach: Reach) -> Iterator[Customer]:
    """Yield all customers with their orders, and record their predictions."""
    for lane in range(view.lanes):
        says = page.forecasts.get(lane)
        for chunk in in_lane(view, lane):
            people = [customer for customer, _ in chunk]
            if says is not None:
                default = page.policy.consent_default
                refusing = {one.id for one in people if not may_be_approached(one.profile, default)}
                reach.add(foreseen_of_many(people, now_in(says), says, PREDICTIONS), refusing)
            yield from people


def _addressed(customers: Iterable[Customer], addresses: AddressIndex) -> Iterator[Customer]:
    """Yield the customers, and record their addresses."""
    for customer in customers:
        addresses.add(customer)
        yield customer


def _looked_ahead(
    customers: Iterable[Customer], page: Page, ahead: dict[tuple[str, str, str], list[Ahead]]
) -> Iterator[Customer]:
    """Yield the customers, and record each customer's next move by time alone."""
    definitions, until = page.policy.definitions, page.clock + AHEAD_DAYS * _DAY_MS
    for customer in customers:
        if customer.due is not None and customer.due <= until:
            names = [one.name for one in definitions.segmentations if one.name in customer.segments]
            for name, (to, at) in next_moves(customer, names, definitions, page.policy.shop).items():
                if at <= until:
                    place = name, customer.segments[name].segment, to
                    ahead.setdefault(place, []).append(Ahead(customer.id, at))
        yield customer
