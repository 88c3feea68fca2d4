"""Report on a shop over a period: totals, segment sizes, moves and causes. Covers a service, an import or a replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from models.behaviour.model import ClusterModel
from models.features.time import DayGrid
from models.messages import Messages
from models.rules.cards import Census, census
from models.rules.declared import load
from models.rules.definitions import Definitions
from schemas import topics
from schemas.changes import decode_change
from schemas.wire_time import iso
from streamer.adapters.client import read
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.redis_reader import Totals, ViewReader, totals
from streamer.core.decision import Change
from streamer.core.policy import Policy
from streamer.queries import segments
from streamer.queries.everyone import everyone
from streamer.queries.history import Journey, Moves, journeys, sizes_by_day
from streamer.queries.sales import Sales, day_text
from streamer.replay.replay import Replay

NOWHERE: Final = ""
DAYS: Final = 90
"""Days covered by a report at the end of a replay or an import."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A customer's move from one segment to another; an empty id means no segment. ``at`` is in epoch ms."""

    customer: str
    segmentation: str
    before: str
    after: str
    cause: str
    at: int


class Log:
    """Moves, aggregated as they arrive by day, and from each customer's first to last segment.

    Parameters
    ----------
    first, last
        First and last grid day of the report, if known in advance; a ``last`` of None means the shop's current day.
    window
        Otherwise, the number of days before the last one; moves must then arrive in time order.
    """

    def __init__(self, grid: DayGrid, first: int | None = None, last: int | None = None, window: int = DAYS) -> None:
        self.grid = grid
        self._first, self._last, self._window = first, last, window
        self._days: Counter[tuple[str, int, str, str, str]] = Counter()
        self._kept: dict[int, list[Moved]] = {}
        self._earliest: int | None = None
        self._latest = 0

    def add(self, one: Moved) -> None:
        """Add a move; a customer's moves must arrive in order."""
        day = self.grid.day_of(one.at)
        self._earliest = day if self._earliest is None else min(self._earliest, day)
        if self._first is not None and day < self._first:
            return
        # Moves after the last day are needed to compute sizes backwards from today.
        self._days[one.segmentation, day, one.before, one.after, one.cause] += 1
        if self._last is None or day <= self._last:
            self._kept.setdefault(day, []).append(one)
        if self._first is None and day > self._latest:
            self._latest = day
            for old in [one for one in self._kept if one <= day - self._window]:
                del self._kept[old]

    def period(self, today: int) -> tuple[int, int]:
        """Return the first and the last day of the report; ``today`` is the shop's current day."""
        last = today if self._last is None else self._last
        if self._first is not None:
            return self._first, max(self._first, last)
        return max(last - self._window + 1, min(last, last if self._earliest is None else self._earliest)), last

    def moves(self, segmentation: str) -> list[Moves]:
        """Return all moves of a segmentation, by day."""
        return [
            Moves(day, before, after, cause, n)
            for (name, day, before, after, cause), n in sorted(self._days.items())
            if name == segmentation
        ]

    def journeys(self, segmentation: str, first: int) -> list[Journey]:
        """Return the journeys of customers who moved from day ``first`` on."""
        ends: dict[str, tuple[str, str]] = {}
        for day in sorted(day for day in self._kept if day >= first):
            for one in self._kept[day]:
                if one.segmentation == segmentation:
                    before, _ = ends.get(one.customer, (one.before, one.after))
                    ends[one.customer] = before, one.after
        return [Journey(before, after, n) for (before, after), n in sorted(Counter(ends.values()).items())]


@dataclass(frozen=True)
class Shop:
    """Inputs of a report other than the moves; see `Report`."""

    totals: Totals
    definitions: Definitions
    model: ClusterModel | None
    census: Census
    clock: int
    currency: str
    sales: Sales


@dataclass(frozen=True)
class Division:
    """One segmentation over the period.

    Attributes
    ----------
    rows
        Segments in order: id, name, size at the end, size before, shares of customers and of money.
    days
        Sizes by id at the end of each day, starting with the day before the first.
    flows
        Source, target and number of customers, including those who stayed.
    causes
        Number of moves by cause.
    """

    name: str
    rows: list[dict[str, Any]]
    days: Mapping[str, Sequence[int]]
    flows: list[tuple[str, str, int]]
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A report on the shop over a period.

    Attributes
    ----------
    first, last
        First and last grid day.
    """

    first: int
    last: int
    shop: Shop
    divisions: list[Division]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-safe values, with totals under the names of `replay --json`."""
        totals = self.shop.totals
        return {
            "from": day_text(self.first),
            "to": day_text(self.last),
            "as_of": iso(self.shop.clock),
            "currency": self.shop.currency,
            "customers": totals.customers,
            "orders": totals.orders,
            "reversals": totals.reversals,
            "revenue_minor": totals.revenue_minor,
            "changes": totals.changes,
            "segments": totals.segments,
            **self.shop.sales.to_dict(self.last),
            "period": {
                one.name: {
                    "segments": [{name: value for name, value in row.items() if name != "meaning"} for row in one.rows],
                    "flows": [{"from": a, "to": b, "customers": n} for a, b, n in one.flows],
                    "causes": dict(one.causes),
                    "weekly_revenue_minor": {
                        "weeks": [day_text(day) for day in self.shop.sales.weeks(self.last)],
                        **{row["id"]: self.shop.sales.weekly(one.name, row["id"], self.last) for row in one.rows},
                    },
                }
                for one in self.divisions
            },
        }


def report(shop: Shop, log: Log, texts: Messages) -> Report:
    """Assemble a report. Pure."""
    first, last = log.period(log.grid.day_of(shop.clock))
    table = segments.table(shop.definitions, shop.model, shop.totals.segments, texts)
    today = max(last, log.grid.day_of(shop.clock))
    return Report(
        first,
        last,
        shop,
        [_division(name, held["segments"], shop, log, (first, last, today)) for name, held in table.items()],
    )


def _division(
    name: str, held: Sequence[Mapping[str, Any]], shop: Shop, log: Log, days: tuple[int, int, int]
) -> Division:
    first, last, today = days
    moves = log.moves(name)
    whole = sizes_by_day({one["id"]: one["size"] for one in held}, moves, first - 1, today)
    sizes = {id: row[: last - first + 2] for id, row in whole.items()}
    ends = {id: row[-1] for id, row in sizes.items()}
    everybody = sum(ends.values())
    rows = [
        {
            "id": one["id"],
            "name": one["name"],
            "meaning": one["meaning"],
            "customers": ends[one["id"]],
            "before": sizes[one["id"]][0],
            "share": ends[one["id"]] / everybody if everybody else 0.0,
            "revenue_share": shop.census.revenue_share(name, one["id"]),
        }
        for one in held
    ]
    causes = Counter[str]()
    for one in moves:
        if first <= one.day <= last:
            causes[one.cause] += one.customers
    flows = [(one.source, one.target, int(one.value)) for one in journeys(ends, log.journeys(name, first))]
    return Division(name, rows, sizes, flows, dict(causes.most_common()))


def of_service(
    connection: KafkaConnection,
    view: ViewReader,
    policy: Policy,
    currency: str,
    log: Log,
    texts: Messages,
    progress: Callable[[int], None] = lambda moves: None,
) -> Report:
    """Return the report of a service, from its changes and its view. Raises UserError if a server is unavailable.

    Parameters
    ----------
    policy
        Policy of the settings, with the segmentations in force.
    progress
        Called with the number of moves read.
    """
    ledgers, newest = view.ledgers(), view.definitions()
    definitions = policy.definitions if newest is None else load(newest[1], newest[0])
    clock = max((one.clock for one in ledgers), default=0)
    for number, one in enumerate(_published(connection), 1):
        log.add(one)
        if number % 10_000 == 0:
            progress(number)
    sales = Sales(policy.grid)
    counted = census(sales.counting(everyone(view)), clock, policy.shop)
    return report(Shop(totals(ledgers), definitions, view.model(), counted, clock, currency, sales), log, texts)


def _published(connection: KafkaConnection) -> Iterable[Moved]:
    """Yield the published moves, lane by lane, except those of erased customers."""
    for record in read(connection, topics.CHANGES):
        if record.value is not None:
            one = decode_change(record.value)
            before, after = (NOWHERE if end is None else end.id for end in (one.from_segment, one.to_segment))
            yield Moved(one.customer_id, one.segmentation, before, after, one.cause, one.changed_ms)


def of_replay(run: Replay, log: Log, currency: str, texts: Messages) -> Report:
    """Return the report of a finished replay; ``log`` has received its changes (`moved`)."""
    state, policy = run.state, run.policy
    people = (one for one in state.cache.customers.values() if not one.is_alias)
    model = state.models[max(state.models)] if state.models else None
    sales = Sales(policy.grid)
    counted = census(sales.counting(people), run.clock, policy.shop)
    shop = Shop(totals([state.ledger]), policy.definitions, model, counted, run.clock, currency, sales)
    return report(shop, log, texts)


def moved(changes: Iterable[Change]) -> Iterable[Moved]:
    """Yield the changes of a step as moves."""
    for one in changes:
        before, after = one.before or NOWHERE, one.after or NOWHERE
        yield Moved(one.customer_id, one.segmentation, before, after, one.cause, one.changed_at)
