"""Measure this machine's capacity: the time one worker takes to process the backlog of a simulated shop.

The figures cover the whole path, from Kafka to Kafka and Redis with every segmentation, on the given servers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from models.messages.count import Count
from schemas.errors import UserError
from streamer.adapters.redis_reader import totals
from streamer.imports import importer
from streamer.imports.import_writer import write
from streamer.imports.service import Service
from streamer.runtime.supervise import Workers
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

_DAY_MS: Final = 86_400_000
_DAYS: Final = 400
_CUSTOMERS: Final = 5_000
_WRITING: Final = 0.25
"""Share of the time spent writing the backlog; the worker decides in the rest."""
_LOOK_SECONDS: Final = 0.05
_START_SECONDS: Final = 60.0
# Half of the free memory, because Valkey copies pages while it saves, and the machine has other work.
_USABLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Capacity:
    """Measured capacity of a machine.

    Attributes
    ----------
    events, seconds
        Records decided, and the time from the lanes' first step to the last check.
    customers, view_bytes
        Customers known at the end, and the bytes that Redis uses for all of them.
    free_bytes
        Memory available on this machine before the measurement.
    load
        Load average over the minute before.
    """

    events: int
    seconds: float
    customers: int
    view_bytes: int
    free_bytes: int
    load: float

    @property
    def events_a_second(self) -> float:
        """Records per second that one worker processes from a backlog."""
        return self.events / self.seconds

    @property
    def bytes_a_customer(self) -> float:
        """Bytes in Redis per customer."""
        return self.view_bytes / self.customers

    @property
    def customers_that_fit(self) -> float:
        """Number of customers whose view takes half of the free memory."""
        return _USABLE * self.free_bytes / self.bytes_a_customer

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "events": self.events,
            "seconds": round(self.seconds, 3),
            "events_a_second": round(self.events_a_second, 1),
            "customers": self.customers,
            "redis_bytes_a_customer": round(self.bytes_a_customer, 1),
            "free_memory_bytes": self.free_bytes,
            "customers_that_fit": round(self.customers_that_fit),
            "load_before": round(self.load, 2),
        }


def measure(
    service: Service,
    seconds: float,
    free_bytes: int,
    load: float,
    progress: Callable[[str], None],
    stopped: Callable[[float], bool],
) -> Capacity:
    """Write a backlog for a quarter of ``seconds`` and let one worker process it in the rest.

    Parameters
    ----------
    service
        An empty service with its own servers.
    stopped
        Waits for the given seconds and returns whether to end at once.

    Raises
    ------
    UserError
        The worker processed nothing, or it was ended early.
    """
    begun = time.monotonic()
    empty = service.imports.memory_used()
    progress("writing a backlog of events")
    backlog = _until(_backlog(service), begun + _WRITING * seconds)
    written = asyncio.run(write(backlog, service.kafka, service.lanes, keys=service.keys))
    progress(f"one worker is processing {Count(written.records):|event}")
    with importer.own_workers(service, lambda text: None) as workers:
        first, last = _watch(service, workers, written.records, (1 - _WRITING) * seconds, stopped)
        found = totals(service.view.ledgers())
        used = service.imports.memory_used() - empty
    return Capacity(last[1] - first[1], last[0] - first[0], found.customers, used, free_bytes, load)


def _backlog(service: Service) -> Iterator[Outgoing]:
    now = time.time_ns() // 1_000_000
    shop = Shop(ShopConfig(customers=_CUSTOMERS, days=_DAYS, start=now - (_DAYS + 1) * _DAY_MS))
    return import_records(shop, "bench", service.grid, latest=now)


def _until(records: Iterable[Outgoing], end: float) -> Iterator[Outgoing]:
    """Yield records until ``end`` (monotonic seconds)."""
    for number, record in enumerate(records):
        if number % 100 == 0 and time.monotonic() >= end:
            return
        yield record


def _watch(
    service: Service, workers: Workers, written: int, seconds: float, stopped: Callable[[float], bool]
) -> tuple[tuple[float, int], tuple[float, int]]:
    """Return time and progress when the lanes first advanced, and again ``seconds`` later or when everything is processed."""
    first: tuple[float, int] | None = None
    begun = time.monotonic()
    while True:
        now = time.monotonic(), totals(service.view.ledgers()).consumed
        if first is None and now[1]:
            first = now
        if first is not None and now[0] > first[0] and (now[1] >= written or now[0] >= first[0] + seconds):
            return first, now
        if not workers.alive:
            raise UserError(f"the worker failed to start:\n{workers.log_tail()}", "fix the problem and try again")
        if first is None and now[0] - begun > _START_SECONDS:
            raise UserError(
                f"the worker processed nothing for a minute:\n{workers.log_tail()}", "fix the problem and try again"
            )
        if stopped(_LOOK_SECONDS):
            raise KeyboardInterrupt
