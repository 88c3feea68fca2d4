"""The activity in a file of events, folded like in a lane, including order books, reversals and duplicates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from models.behaviour import bucket
from models.behaviour.memory import Memory
from models.customer.customer import Customer
from models.customer.dedupe import digest
from schemas.arrivals import Interaction, OrderCompleted, OrderReversed
from schemas.codec import arrival
from schemas.errors import InvalidEvent, UserError
from schemas.ids import is_nobody
from streamer.core.fold import FoldContext, fold_interaction, fold_order, fold_reversal, is_duplicate
from streamer.core.policy import Policy
from streamer.evaluate.activity import Activity, fold
from streamer.sources.source import SourceEvent


class Events(Protocol):
    """Events in order of arrival."""

    def events(self) -> Iterator[SourceEvent]: ...


class _Recorder:
    """Records the calls that the behaviour memory would receive, one bucket per call."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def _new(self) -> list[float]:
        self.rows.append([0.0] * bucket.B_WIDTH)
        return self.rows[-1]

    def add_order(self, row: int, money_minor: int, discounted: bool, categories: Sequence[tuple[str, int]]) -> None:
        bucket.add_order(self._new(), money_minor, discounted, categories)

    def add_interaction(self, row: int, kind: str, category: str | None = None) -> None:
        new = self._new()
        new[bucket.B_INTERACTIONS] = new[bucket.B_OWN] = 1

    def take_back(
        self,
        row: int,
        money_minor: int,
        *,
        whole: bool = True,
        discounted: bool = False,
        categories: Sequence[tuple[str, int]] = (),
    ) -> None:
        bucket.take_back(self._new(), money_minor, whole, discounted, categories)


def _money(event: OrderCompleted | OrderReversed, policy: Policy) -> int | None:
    """Return the amount in minor units; None without one. Raises InvalidEvent for an unknown currency."""
    return None if event.total is None else policy.rates.minor(event.total, event.currency)


def of_source(
    source: Events, policy: Policy, joined: Mapping[str, str] | None = None, without: Collection[str] = ()
) -> Activity:
    """Return the activity of a source, without the events that a lane would dead-letter.

    Parameters
    ----------
    joined
        The customer's id, for each id that was joined to a customer.
    without
        Customers to leave out.

    Raises
    ------
    UserError
        The source has no usable event.
    """
    recorder, grid = _Recorder(), policy.grid
    folding = FoldContext(policy.rates, policy.shop, cast(Memory, recorder))
    customers: dict[str, Customer] = {}
    who: list[int] = []
    days: list[int] = []
    stands_for: list[int] = []
    for record in source.events():
        try:
            event = arrival(record.key, record.value, max_event_bytes=policy.max_event_bytes, reading=policy.reading)
            if not isinstance(event, OrderCompleted | OrderReversed | Interaction):
                continue
            money = None if isinstance(event, Interaction) else _money(event, policy)
        except InvalidEvent:
            continue
        if is_nobody(event.customer_id, policy.nobody):
            continue
        id = event.customer_id if joined is None else joined.get(event.customer_id, event.customer_id)
        if id in without:
            continue
        customer = customers.get(id)
        if customer is None:
            customer = customers[id] = Customer(id, (0, len(customers)), event.occurred_at)
            customer.hold_row(len(customers) - 1)
        name = digest(event.event_id)
        if is_duplicate(customer, name, event):
            continue
        customer.dedupe_window.add(name)
        before = len(recorder.rows)
        if isinstance(event, Interaction):
            fold_interaction(customer, event, None, folding)
        elif isinstance(event, OrderCompleted):
            fold_order(customer, event, money or 0, folding)
        else:
            fold_reversal(customer, event, money, folding)
        made = len(recorder.rows) - before
        who += [customer.row] * made
        days += [grid.day_of(event.occurred_at)] * made
        stands_for += [1] + [0] * (made - 1) if made else []
    if not days:
        raise UserError("the file contains no usable events", "check the file and --format")
    day = np.array(days)
    first = int(day.min())
    return fold(
        list(customers),
        first,
        int(day.max()) - first + 1,
        day - first,
        np.array(who),
        np.array(recorder.rows),
        np.array(stands_for),
    )
