"""Measure handovers of lanes between workers while events arrive: how long each delays changes."""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from schemas.records import LogRecord
from streamer.client import change_reader
from streamer.runtime.app import EXIT_FATAL
from streamer.runtime.supervise import EXIT_FENCED, EXIT_UNKNOWN
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records
from streamer.sources.source import SourceEvent

SIGNALS = (signal.SIGTERM, signal.SIGKILL)
RATE = 500
"""Events per second: low enough for a slow machine, high enough that every lane always has changes."""


class EndlessShop:
    """A shop's history that continues until ``enough`` is set; an import of it still ends cleanly."""

    def __init__(self, config: ShopConfig, enough: threading.Event) -> None:
        self._shop = Shop(config)
        self._enough = enough
        self.content_hash = self._shop.content_hash
        self.skipped = self._shop.skipped
        self.rows = None

    def events(self) -> Iterator[SourceEvent]:
        for event in self._shop.events():
            if self._enough.is_set():
                return
            yield event
        raise AssertionError("the shop's history was too short for this many handovers")


@dataclass
class Arrivals:
    """When a consumer received changes, by lane, in monotonic seconds."""

    times: dict[int, list[float]] = field(default_factory=dict)

    def take(self, records: Iterable[LogRecord]) -> None:
        now = time.monotonic()
        for record in records:
            self.times.setdefault(record.partition, []).append(now)

    def since(self, then: float) -> set[int]:
        """Return the lanes that had a change after ``then``."""
        return {lane for lane, times in self.times.items() if times[-1] > then}

    def longest_gap(self, lane: int, begin: float, end: float) -> float:
        """Return the longest time, in seconds, without a change of a lane within ``[begin, end]``."""
        times = self.times[lane]
        pairs = pairwise(times)
        return max(after - before for before, after in pairs if after > begin and before < end)


@dataclass(frozen=True)
class Handover:
    """One worker replaced by another.

    ``gap`` is the longest time that a lane had no change; ``settled`` is the seconds until the new worker had its
    share.
    """

    signal: signal.Signals
    gap: float
    settled: float


@dataclass
class Outcome:
    """The records written, in order, and the handovers meanwhile."""

    written: list[Outgoing]
    handovers: list[Handover]
    quiet_gap: float
    """Longest time without a change of a lane before the first handover, caused by the shop itself."""

    def gaps(self, number: signal.Signals) -> list[float]:
        return [one.gap for one in self.handovers if one.signal == number]

    def settled(self, number: signal.Signals) -> float:
        """Return the median seconds until the lanes were reassigned."""
        return statistics.median(one.settled for one in self.handovers if one.signal == number)

    def summary(self, restores: list[dict[str, Any]]) -> str:
        lines = [
            f"{len(self.handovers)} handovers during {len(self.written):,} records; "
            f"without any, a lane had no change for {self.quiet_gap:.2f} s at most"
        ]
        for number in SIGNALS:
            gaps = self.gaps(number)
            settled = [one.settled for one in self.handovers if one.signal == number]
            lines.append(
                f"after {number.name}: longest gap in the changes of a lane {max(gaps):.2f} s, median "
                f"{statistics.median(gaps):.2f} s; lanes shared out again after {max(settled):.2f} s, median "
                f"{statistics.median(settled):.2f} s"
            )
        seconds = sorted(line["seconds"] for line in restores)
        lines.append(
            f"{len(seconds)} restores: median {statistics.median(seconds):.3f} s, longest {seconds[-1]:.3f} s, "
            f"{sum(line['customers'] for line in restores):,} customers read back"
        )
        return "\n".join(lines)


def hand_over(service: LiveService, *, workers: int, handovers: int, events: int, seed: int) -> Outcome:
    """Run ``workers``; repeatedly end one of them, alternating SIGTERM and SIGKILL, and start another.

    Continues until there were this many handovers and events. The next handover begins when the new worker has its
    lanes and every lane shows changes.
    """
    dice = random.Random(seed)
    enough = threading.Event()
    now = time.time_ns() // 1_000_000
    config = ShopConfig(
        customers=3_000, days=700, seed=seed, start=now - 701 * DAY_MS, late=0.02, duplicates=0.02, broken=0.01
    )
    written: list[Outgoing] = []

    def records() -> Iterator[Outgoing]:
        for record in import_records(EndlessShop(config, enough), f"seed{seed}", DayGrid(), latest=now):
            written.append(record)
            yield record

    service.start("owner")
    running = [service.start() for _ in range(workers)]
    service.wait(lambda: service.tended(running))
    arrivals, over = Arrivals(), threading.Event()
    starts = dict.fromkeys(range(service.lanes), 0)
    tail = change_reader.follow(service.connection, starts, arrivals.take, over.is_set)
    threads = [
        threading.Thread(target=lambda: asyncio.run(tail)),
        threading.Thread(target=service.publish, args=(records(),), kwargs={"rate": RATE}),
    ]
    for thread in threads:
        thread.start()
    made: list[tuple[signal.Signals, float, float]] = []
    try:
        service.wait(lambda: len(arrivals.times) == service.lanes)
        calm = time.monotonic()
        time.sleep(5)
        first = time.monotonic()
        for number in range(handovers):
            how = SIGNALS[number % 2]
            gone = running.pop(dice.randrange(len(running)))
            begun = time.monotonic()
            gone.send_signal(how)
            running.append(service.start())
            code = gone.wait(60)
            # A worker that was starved for longer than its session may have ended itself just before.
            assert code in (0 if how == signal.SIGTERM else -how, EXIT_FATAL, EXIT_FENCED, EXIT_UNKNOWN), (
                f"a worker ended with {code}\n{service.logs()}"
            )
            service.wait(lambda: service.tended(running))
            settled = time.monotonic()
            service.wait(lambda at=settled: len(arrivals.since(at)) == service.lanes)  # type: ignore[misc]
            made.append((how, begun, settled))
            time.sleep(dice.uniform(0.2, 1.5))
        service.wait(lambda: len(written) >= events, 600)
    finally:
        enough.set()
        threads[1].join()
        over.set()
        threads[0].join()
    lanes = range(service.lanes)
    done = [
        Handover(how, max(arrivals.longest_gap(lane, begun, settled) for lane in lanes), settled - begun)
        for how, begun, settled in made
    ]
    return Outcome(written, done, max(arrivals.longest_gap(lane, calm, first) for lane in lanes))
