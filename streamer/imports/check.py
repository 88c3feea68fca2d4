"""Check a whole file before importing it: decide what would be applied, and count the same totals independently.

The file goes through a lane's own `decide`, record by record, in memory. `recount` counts its orders, refunds and money
separately, and `compare` compares the two. The check keeps 27 bytes per event, so it can handle files of millions of
rows; only customers need more, as they do in a replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, time
from heapq import nsmallest
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models.learning.learner import LearnerConfig
from models.rules.definitions import Definitions
from streamer.adapters.redis_reader import Totals, totals
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.imports.checked import Checked
from streamer.imports.compare import Applied, Reasons, compare
from streamer.imports.suspicious import looks
from streamer.replay.replay import Replay
from streamer.sources.import_records import Outgoing
from streamer.sources.mapped_file import MappedFile
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.recount import recount
from streamer.sources.source import FileSource, SourceEvent

_ORDERS: Final = (b'"order.completed"', b'"order.updated"', b'"Order Completed"', b'"Order Updated"')
_REVERSALS: Final = (b'"order.refunded"', b'"order.cancelled"', b'"Order Refunded"', b'"Order Cancelled"')


class _Lane(Replay):
    """A replay that decides one record at a time, keeps each result, and learns nothing."""

    def __init__(self, policy: Policy, now_ms: int, applied: Applied) -> None:
        # Totals need no segments, and skipping those halves the time per record.
        nothing = Definitions(policy.definitions.version, (), ())
        super().__init__(replace(policy, definitions=nothing), LearnerConfig(), now_ms)
        self._applied = applied

    def _take(self, outgoing: object) -> None:
        assert isinstance(outgoing, list)
        for one in outgoing:
            self._take_one(one)

    def _take_one(self, one: Outgoing) -> None:
        if one.every_lane:
            super()._take([one])
            return
        ledger, applied = self.state.ledger, self._applied
        revenue, orders, reversals, duplicates = (
            ledger.revenue_minor,
            ledger.orders,
            ledger.reversals,
            ledger.duplicates,
        )
        dead = dict(ledger.dead_letters)
        super()._take([one])
        money = ledger.revenue_minor - revenue
        orders, reversals = ledger.orders - orders, ledger.reversals - reversals
        kind = 2 if reversals else 1 if orders or money else _kind(one.value)
        applied.add(kind, money, max(-1, min(1, reversals or orders)), _fate(ledger, duplicates, dead))

    def _learn(self, day: int, clock: int) -> None:
        """Do nothing: totals need no clusters."""


def _kind(value: bytes) -> int:
    """Return the kind of an event that changed no total: 1 for orders, 2 for refunds, 0 for others."""
    head = value[:4_096]
    if any(name in head for name in _REVERSALS):
        return 2
    return 1 if any(name in head for name in _ORDERS) else 0


def _fate(ledger: Ledger, duplicates: int, dead: Mapping[str, int]) -> str:
    if ledger.duplicates > duplicates:
        return "duplicate"
    return next((name for name, count in ledger.dead_letters.items() if count != dead.get(name, 0)), "applied")


class _Read:
    """Wraps the source as a replay reads it, and records the line and time of each event."""

    def __init__(self, source: FileSource, applied: Applied, progress: Callable[[int], None]) -> None:
        self._source = source
        self._applied = applied
        self._progress = progress

    @property
    def content_hash(self) -> str:
        return self._source.content_hash

    @property
    def rows(self) -> int | None:
        return self._source.rows

    @property
    def skipped(self) -> Counter[str]:
        return self._source.skipped

    def events(self) -> Iterator[SourceEvent]:
        applied = self._applied
        for line, event in self._source.numbered():
            applied.lines.append(line)
            applied.times.append(event.occurred_at)
            if len(applied.lines) % 5_000 == 0:
                self._progress(len(applied.lines))
            yield event


_LOOKED_AT: Final = 5_000


def check(
    source: FileSource, policy: Policy, now_ms: int, progress: Callable[[int], None] = lambda events: None
) -> Checked:
    """Read a whole file, decide it in memory, count it again, and compare the results.

    Raises
    ------
    UserError
        The file is damaged.
    """
    refused, applied = Reasons(), Applied()
    if isinstance(source, MappedFile | OnlineRetail):
        source.on_refused = refused.add
    lane = _Lane(policy, now_ms, applied)
    lane.run(_Read(source, applied, progress))
    found = Checked(rows=source.rows or 0, refused=Counter(source.skipped), events=len(applied.lines))
    found.fates.update(applied.fate_counts())
    found.notes = list(getattr(source, "notes", ()))
    compare(found, applied, recount(source, refused), refused, policy.rates)
    ledger: Totals = totals([lane.state.ledger])
    found.customers = ledger.customers
    zone = ZoneInfo(policy.grid.zone)
    _months(found, applied, zone)
    _people(found, lane)
    at_midnight = all(datetime.fromtimestamp(at / 1000, zone).time() == time.min for at in applied.times[:_LOOKED_AT])
    lines, times = np.frombuffer(applied.lines, np.int64), np.frombuffer(applied.times, np.int64)
    by_line = times[np.lexsort((times, lines))]
    found.looks = list(looks(found, *applied.orders(), by_line, 10**policy.rates.places, at_midnight))
    return found


def _people(found: Checked, lane: Replay) -> None:
    people = [one for one in lane.state.cache.customers.values() if not one.is_alias]
    found.orders_by_customer.update(one.statistics.orders for one in people)
    most = nsmallest(10, people, key=lambda one: (-one.statistics.orders, one.id))
    found.largest = [(one.id, one.statistics.orders, one.statistics.spend) for one in most]


def _months(found: Checked, applied: Applied, zone: ZoneInfo) -> None:
    for at, kind, money in zip(applied.times, applied.kinds, applied.money, strict=True):
        if kind and money:
            month = f"{datetime.fromtimestamp(at / 1000, zone):%Y-%m}"
            sums = found.months.setdefault(month, [0, 0])
            if kind == 1:
                sums[0] += money
            else:
                sums[1] -= money
    found.months = dict(sorted(found.months.items()))
