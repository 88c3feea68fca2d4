"""Run the demo's engine: play the simulated shop's history fast, then its customers live, and collect the results.

It uses three threads: one writes the shop, one reads the changes as any consumer would, and the caller's thread shows
progress.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas import topics
from schemas.errors import UserError
from schemas.records import LogRecord
from streamer.adapters.redis_reader import Totals, totals
from streamer.client import change_reader
from streamer.demo.live_writer import play
from streamer.imports import importer
from streamer.imports.importer import Import, ImportProgress
from streamer.imports.result import Result, result_of
from streamer.imports.service import Service
from streamer.simulator.simulate import Shop
from streamer.sources.source import SourceEvent

if TYPE_CHECKING:
    from aiokafka.structs import RecordMetadata

    from streamer.runtime.supervise import Workers

HISTORY_DAYS = 180
_LATEST = 12
_SPEED_SECONDS = 3.0
_KEPT_STAMPS = 100_000
_ENDING_SECONDS = 15.0


class Latency:
    """Seconds from the append of a record until a consumer receives its change."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._appended: dict[tuple[int, int], float] = {}
        self._in_hand: dict[tuple[int, int], list[float]] = {}
        self._lock = threading.Lock()

    def appended(self, partition: int, offset: int, at: float) -> None:
        """Record that the broker appended a live record at ``at`` (seconds since the epoch)."""
        where = partition, offset
        with self._lock:
            # A change may arrive before the broker's answer to the writer does.
            for then in self._in_hand.pop(where, ()):
                self.seconds.append(max(0.0, then - at))
            self._appended[where] = at
            while len(self._appended) > _KEPT_STAMPS:
                del self._appended[next(iter(self._appended))]

    def in_hand(self, partition: int, offset: int, then: float) -> None:
        """Record that a change triggered by this record was received at ``then``."""
        where = partition, offset
        with self._lock:
            at = self._appended.get(where)
            if at is not None:
                self.seconds.append(max(0.0, then - at))
            else:
                self._in_hand.setdefault(where, []).append(then)

    def quantiles(self, last: int = 0) -> dict[str, float | None]:
        """Return p50, p95 and p99 of the ``last`` values, or of all; None without values."""
        with self._lock:
            values = self.seconds[-last:]
        if not values:
            return {"p50": None, "p95": None, "p99": None}
        found = np.quantile(values, (0.5, 0.95, 0.99))
        return {name: round(float(value), 4) for name, value in zip(("p50", "p95", "p99"), found, strict=True)}


@dataclass
class Show:
    """The data shown on the screen, written by the demo's threads.

    Attributes
    ----------
    phase
        ``starting``, ``history``, ``live``, ``ending``.
    day
        Number of days of the history written so far.
    applied
        The latest few ``(monotonic seconds, records decided)``.
    """

    phase: str = "starting"
    day: int = 0
    changes: int = 0
    first_change: float | None = None
    now: Totals = field(default_factory=lambda: totals([]))
    latest: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_LATEST))
    applied: deque[tuple[float, int]] = field(default_factory=deque)
    latency: Latency = field(default_factory=Latency)

    def look(self, now: Totals) -> None:
        """Update from the ledgers' totals."""
        at = time.monotonic()
        self.now = now
        self.applied.append((at, now.consumed))
        while at - self.applied[0][0] > _SPEED_SECONDS:
            self.applied.popleft()

    @property
    def speed(self) -> float:
        """Return records processed per second over the last few seconds."""
        if not self.applied:
            return 0.0
        (first, before), (last, after) = self.applied[0], self.applied[-1]
        return (after - before) / (last - first) if last > first else 0.0


class _History:
    """The shop's history as a source that can be cut short. The import still ends cleanly."""

    def __init__(self, shop: Shop, over: Callable[[], bool]) -> None:
        self._shop = shop
        self._over = over
        self.content_hash = shop.content_hash
        self.skipped = shop.skipped

    @property
    def rows(self) -> int | None:
        return None

    def events(self) -> Iterator[SourceEvent]:
        for event in self._shop.events():
            if self._over():
                return
            yield event


class Demo:
    """One run of the demo.

    Parameters
    ----------
    shop
        The simulated shop, whose history must end about now.
    rate
        Live events per second.
    history_seconds
        Minimum and, optionally, maximum duration of the history; what is left after the maximum is not played.
    beside
        Roles to start in addition to our own workers, once those run.
    """

    def __init__(
        self,
        service: Service,
        shop: Shop,
        name: str,
        rate: float,
        history_seconds: tuple[float, float | None],
        beside: Sequence[str] = (),
    ) -> None:
        self.show = Show()
        self.service = service
        self.shop = shop
        self._name = name
        self._rate = rate
        self._pace = history_seconds[0] / shop.config.days
        self._most = history_seconds[1]
        self._ended = threading.Event()
        self._tail_ended = threading.Event()
        self._ends: dict[int, int] = {}
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._workers: list[Workers] = []
        self._roles_beside, self._beside = [*beside], len(beside)
        self._stack = ExitStack()
        self._before = totals(service.view.ledgers())
        self._begun = time.monotonic()

    def start(self) -> None:
        """Start the threads, and workers if none are running."""
        if not importer.is_read(self.service):
            self._hire("lanes")
        starts = asyncio.run(change_reader.ends(self.service.kafka, topics.CHANGES, self.service.lanes))
        self._begun = time.monotonic()
        tail = change_reader.follow(self.service.kafka, starts, self._received, self._tail_ended.is_set)
        self._run(lambda: asyncio.run(tail))
        self._run(self._play)

    def look(self) -> None:
        """Check progress; call it a few times a second. Raises the error that ended a thread or, permanently, a worker."""
        if self._error is not None:
            raise self._error
        for group in self._workers:
            # Messages and the console may fail without ending the demo.
            if not group.alive:
                raise UserError(f"the worker failed to start:\n{group.log_tail()}", "fix the problem and try again")
        if len(self._workers) == 1 and self.show.phase != "starting":
            # Start these after the lanes, which must start as fast as they can. The history waits for this from its
            # first day on.
            self._hire("owner")
        if len(self._workers) == 2 and self._roles_beside and self._may_begin_beside():
            self._hired(self._roles_beside.pop(0))
        self.show.look(totals(self.service.view.ledgers()))

    def end(self) -> Result:
        """Stop the shop, wait until its events are applied, and return the results."""
        self.show.phase = "stopping"
        self._ended.set()
        deadline = time.monotonic() + _ENDING_SECONDS
        self._threads[1].join(_ENDING_SECONDS)
        while time.monotonic() < deadline and not self._caught_up():
            self.look()
            time.sleep(0.05)
        self.look()
        return result_of(self._before, self.show.now, None, time.monotonic() - self._begun)

    def close(self) -> None:
        """Stop everything that `start` started; may be called at any time."""
        self._ended.set()
        self._tail_ended.set()
        for thread in self._threads:
            thread.join(_ENDING_SECONDS)
        self._stack.close()

    def _hire(self, role: str) -> None:
        self._workers.append(self._hired(role))

    def _may_begin_beside(self) -> bool:
        """Start the first role with the history, and the others one by one once customers move."""
        return self.show.first_change is not None or len(self._roles_beside) == self._beside

    def _hired(self, role: str) -> Workers:
        return self._stack.enter_context(importer.own_workers(self.service, lambda text: None, (role,)))

    def _caught_up(self) -> bool:
        """Return whether the lanes have processed all records, and the reader has seen every change."""
        ledgers = self.service.view.ledgers()
        done = {one.partition for one in ledgers if one.next_offset >= self._ends.get(one.partition, 0)}
        made = sum(totals(ledgers).changes.values()) - sum(self._before.changes.values())
        return done >= self._ends.keys() and self.show.changes >= made

    def _run(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self._error = error

        thread = threading.Thread(target=guarded, name="demo", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _play(self) -> None:
        show, service = self.show, self.service
        history = _History(self.shop, self._history_over)
        record, _ = importer.begin(service, history, self._name, again=True)
        show.phase = "history"
        # The workers are ours or another process's, which may have ended; then the import finds some.
        hires = not self._workers

        def written(records: int) -> None:
            show.day += 1

        Import(service, history, record, ImportProgress(written=written), hires=hires, seconds_per_day=self._pace).run(
            resumed=False
        )
        if self._ended.is_set():
            return
        show.phase = "live"
        live = self.shop.live(time.time_ns() // 1_000_000, self._rate)
        self._ends = asyncio.run(play(live, service.kafka, service.lanes, self._ended.is_set, self._sent))

    def _history_over(self) -> bool:
        late = self._most is not None and time.monotonic() - self._begun > self._most
        return late or self._ended.is_set()

    def _sent(self, sent: RecordMetadata) -> None:
        self.show.latency.appended(sent.partition, sent.offset, sent.timestamp / 1000.0)

    def _received(self, records: Iterable[LogRecord]) -> None:
        then = time.time()
        for record in records:
            self._changed(json.loads(record.value or b"{}"), then)
            self.show.changes += 1

    def _changed(self, change: dict[str, Any], then: float) -> None:
        show = self.show
        if show.first_change is None:
            show.first_change = time.monotonic()
        show.latest.append(change)
        trigger = change["trigger"]
        # Changes from the import say nothing about latency.
        if trigger is not None and change["cause"] in ("event", "late"):
            show.latency.in_hand(trigger["partition"], trigger["offset"], then)
