"""Cost of a poison record: CPU and transactions of an in-memory lane, compared with invalid JSON in the same place.

    python -m benchmarks.poison [--records 8000] [--customers 2000] [--runs 5] [--most 5]

The lane, the decisions and the bytes are the service's own; log and view are the in-memory ones of the tests. A whole
backlog is offered at once, so that steps are as large as possible. Its poison records raise at one of three places:
while they are decided; while their customer's state is stored, after all records of the step were decided; or later,
where nothing identifies the record. With ``--most``, the exit status is 1 if a poison record that raises while it is
decided, one in a hundred records, costs more milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, get_args

import structlog

from models.customer import snapshot
from models.customer.customer import Customer
from schemas import topics
from schemas.records import Record
from schemas.wire_time import iso
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.admission import Admitted
from streamer.core.context import Context
from streamer.core.handlers import HANDLERS
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.lanes import step
from streamer.lanes.context import LaneContext, LaneSettings
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Write

Where = Literal["decide", "store", "encode"]
NOW = 1_767_225_600_000
KIND = "product.viewed"
POISON = "poison-"
SHARES = (1, 8, 80, 800)
"""Numbers of poison records in a backlog."""
JUDGED = ("decide", 80)


@dataclass(frozen=True, slots=True)
class Taken:
    """Cost of processing a backlog."""

    cpu_seconds: float
    transactions: int
    dead: int


class _Clock:
    def now_ms(self) -> int:
        return NOW


def main() -> None:
    """Measure each number of poison records, and print milliseconds of CPU and transactions per poison record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=8_000)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=float, help="milliseconds that a poison record may cost")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    judged = 0.0
    print(f"a backlog of {args.records:,} records of {args.customers:,} customers; medians of {args.runs} runs")
    print(f"{'raises in':<10}{'poison':>7}{'ms of CPU each':>16}{'transactions each':>19}")
    for where in get_args(Where):
        for count in SHARES:
            cost, transactions = _cost(where, count, args.records, args.customers, args.runs)
            if (where, count) == JUDGED:
                judged = cost
            print(f"{where:<10}{count:>7}{cost:>16.2f}{transactions:>19.2f}", flush=True)
    if args.most is not None and judged > args.most:
        sys.exit(1)


def _cost(where: Where, count: int, records: int, customers: int, runs: int) -> tuple[float, float]:
    """Return the additional milliseconds of CPU and transactions of a poison record, compared with an unreadable one."""
    found = []
    for run in range(runs):
        bad = set(random.Random(run).sample(range(records), count))
        plain = asyncio.run(_taken(_backlog(records, customers, bad, plain=True), customers))
        with _raising(where):
            poisoned = asyncio.run(_taken(_backlog(records, customers, bad, plain=False), customers))
        assert plain.dead == poisoned.dead == count, (plain, poisoned)
        found.append((poisoned.cpu_seconds - plain.cpu_seconds, poisoned.transactions - plain.transactions))
    seconds, transactions = sorted(found)[len(found) // 2]
    return seconds / count * 1e3, transactions / count


async def _taken(backlog: list[Record], customers: int) -> Taken:
    """Own a lane whose customers are in memory, and process the backlog."""
    broker, view = MemoryBroker(NOW), MemoryView()
    limits = replace(LaneSettings(), deadletter_run=0, deadletter_ratio=1.0)
    lane = Lane(0, MemoryLog(broker, 0), view, LaneContext(Policy(lanes=1, wall=True), _Clock(), limits))
    await lane.open()
    warm = [_record(number, number, _event(f"w{number}", number)) for number in range(customers)]
    for record in [*warm, *backlog]:
        broker.append(topics.EVENTS, 0, Write(record.key, record.value), record.timestamp)
    lane.offer(Batch(0, customers, warm))
    await _until(lane, customers)
    end = customers + len(backlog)
    before = len([1 for record in broker.records(topics.STATE, 0) if record.key == b"!ledger"])
    gc.collect()
    gc.disable()
    lane.offer(Batch(customers, end, [_moved(record, customers + at) for at, record in enumerate(backlog)]))
    begun = time.process_time()
    await _until(lane, end)
    spent = time.process_time() - begun
    gc.enable()
    after = len([1 for record in broker.records(topics.STATE, 0) if record.key == b"!ledger"])
    return Taken(spent, after - before, len(broker.records(topics.DEADLETTERS, 0)))


async def _until(lane: Lane, end: int) -> None:
    while lane.next_offset < end:
        await lane.turn()
        assert lane.halted is None, lane.halted


def _moved(record: Record, offset: int) -> Record:
    """Return the record at another offset."""
    return Record(0, offset, record.timestamp, record.key, record.value, record.headers)


def _backlog(records: int, customers: int, bad: set[int], *, plain: bool) -> list[Record]:
    chooser = random.Random(1)
    found = []
    for number in range(records):
        customer = chooser.randrange(customers)
        name = f"{POISON}{number}" if number in bad else f"e{number}"
        unreadable = plain and number in bad
        found.append(_record(number, customer, b"{" if unreadable else _event(name, customer)))
    return found


def _record(offset: int, customer: int, value: bytes) -> Record:
    return Record(0, offset, NOW, f"c{customer}".encode(), value, ())


def _event(name: str, customer: int) -> bytes:
    body = {"type": KIND, "event_id": name, "customer_id": f"c{customer}", "occurred_at": iso(NOW)}
    return json.dumps(body | {"product_id": "p1", "category": "tea", "price": 9.9, "currency": "EUR"}).encode()


@contextmanager
def _raising(where: Where) -> Iterator[None]:
    """Make the service's handling of a poison record raise, after it has changed the state."""
    handler, encode, dump = HANDLERS[KIND], step.StepMaker.encode, snapshot.dump
    spoilt = set[str]()

    def apply(context: Context, admitted: Admitted) -> None:
        handler.apply(context, admitted)
        if admitted.event.event_id.startswith(POISON):
            spoilt.add(admitted.event.customer_id)
            if where == "decide":
                raise OverflowError("math range error")

    def dumping(customer: Customer, behaviour: bytes) -> dict[str, bytes]:
        if where == "store" and customer.id in spoilt:
            spoilt.clear()
            raise OverflowError("math range error")
        return dump(customer, behaviour)

    def encoding(self: step.StepMaker, made: step.Prepared, state: LaneState, *, anyway: bool = False) -> None:
        encode(self, made, state, anyway=anyway)
        if where == "encode" and any(
            decoded.event and decoded.event.event_id.startswith(POISON) for decoded in made.decoded_records
        ):
            raise OverflowError("math range error")

    HANDLERS[KIND] = replace(handler, apply=apply)  # type: ignore[index]
    step.StepMaker.encode = encoding  # type: ignore[method-assign]
    snapshot.dump = dumping
    try:
        yield
    finally:
        HANDLERS[KIND] = handler  # type: ignore[index]
        step.StepMaker.encode = encode  # type: ignore[method-assign]
        snapshot.dump = dump


if __name__ == "__main__":
    main()
