"""CPU of one worker for the small job with which other engines are measured.

    python -m benchmarks.small_job [--events 200000] [--customers 20000] [--runs 3]

Orders of about 265 bytes from customers with a heavy tail: validate, drop duplicates, fold count, money and last order,
assign one of six segments by rule, and publish a change if it differs. State, changes, ledger and offset are written in
one transaction, and the view by compare-and-set. The lane, its log and its view are the product's; only the decision is
small.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from benchmarks.harness import LANES, Measured, fill, measure, python, servers
from models.customer.dedupe import DedupeWindow, digest, holds
from schemas import topics
from schemas.arrivals import OrderCompleted
from schemas.codec import arrival
from schemas.errors import InvalidEvent
from schemas.records import LogRecord
from schemas.wire_time import iso
from streamer.adapters.kafka import KafkaConnection
from streamer.core import ledger
from streamer.core.ledger import bump
from streamer.core.policy import Policy
from streamer.embedded import Addresses
from streamer.lanes.keys import LEDGER_KEY
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Stored, Update, Write, Writes
from streamer.lanes.restore import token_of
from streamer.runtime.app import Wiring, run_lanes
from streamer.sources.import_records import Outgoing

DAY_MS = 86_400_000
_msgpack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class Small:
    """A customer of the small job."""

    __slots__ = ("count", "dedupe_window", "last", "money", "segment", "seq")

    def __init__(self) -> None:
        self.count = 0
        self.money = 0
        self.last = 0
        self.segment = ""
        self.seq = 0
        self.dedupe_window = DedupeWindow()


def segment(one: Small, now: int) -> str:
    """Return one of six segments; every engine uses the same function."""
    age = (now - one.last) / DAY_MS
    if age > 90:
        return "lost"
    if age > 30:
        return "at_risk"
    if one.count >= 10 and one.money >= 100_000:
        return "champion"
    if one.count >= 5:
        return "loyal"
    return "new" if one.count == 1 else "active"


class SmallLane(Lane):
    """The product's lane with a small job instead of `decide`."""

    customers: dict[str, Small]

    async def open(self) -> int:
        self.customers = {}
        return await super().open()

    async def turn(self) -> None:
        records, end = self._consecutive(self.next_offset, self.settings.max_records)
        if not records:
            return
        read = await self._view.read((), {}, 0)
        assert read.token == self._token, "the benchmark's view is nobody else's"
        touched, changes = self._fold(records)
        book = self.state.ledger
        book.next_offset = end
        raw = ledger.dump(book)
        stored = {
            id: Stored(
                {"": _msgpack((one.count, one.money, one.last, one.segment, one.seq, one.dedupe_window.open_block()))},
                _json({"customer_id": id, "orders": one.count, "spend": one.money / 100, "segment": one.segment}),
                None,
                "",
                one.count == 1,
            )
            for id, one in touched.items()
        }
        changelog = [Write(id.encode(), one.parts[""]) for id, one in stored.items()]
        changelog.append(Write(LEDGER_KEY, raw))
        writes: Writes = {(topics.STATE, self.partition): changelog}
        if changes:
            writes[topics.CHANGES, self.partition] = changes
        offset = await self._log.commit(writes, end)
        token = token_of(book, offset)
        assert await self._view.write(self._token, token, Update(stored, raw, {}))
        self._token = token

    def _fold(self, records: Sequence[LogRecord]) -> tuple[dict[str, Small], list[Write]]:
        book, customers = self.state.ledger, self.customers
        touched: dict[str, Small] = {}
        changes: list[Write] = []
        for record in records:
            book.consumed += 1
            try:
                event = arrival(record.key, record.value, record.headers)
            except InvalidEvent as error:
                bump(book.dead_letters, error.reason)
                continue
            assert isinstance(event, OrderCompleted)
            one = customers.get(event.customer_id)
            if one is None:
                one = customers[event.customer_id] = Small()
            name = digest(event.event_id)
            if holds(one.dedupe_window.ids, name):
                book.duplicates += 1
                continue
            book.applied += 1
            one.dedupe_window.add(name)
            one.count += 1
            one.money += round(event.total * 100)
            one.last = max(one.last, event.occurred_at)
            touched[event.customer_id] = one
            now = segment(one, event.occurred_at)
            if now != one.segment:
                one.seq += 1
                change = {
                    "event_id": f"{event.customer_id}-{one.seq}",
                    "type": "segment.changed",
                    "customer_id": event.customer_id,
                    "seq": one.seq,
                    "from": one.segment or None,
                    "to": now,
                    "changed_at": iso(event.occurred_at),
                    "trigger": event.event_id,
                }
                changes.append(Write(event.customer_id.encode(), _json(change)))
                one.segment = now
                bump(book.changes.setdefault("small", {}), "event")
        return touched, changes


def orders(events: int, customers: int, seed: int) -> Iterator[Outgoing]:
    """Yield orders of customers with heavy-tailed activity, one per second."""
    dice = np.random.default_rng(seed)
    weights = dice.pareto(1.2, customers) + 0.05
    who = dice.choice(customers, size=events, p=weights / weights.sum())
    totals = dice.lognormal(3.6, 0.7, size=events)
    start = time.time_ns() // 1_000_000 - events * 1_000 - 60_000
    for number in range(events):
        customer = f"c{who[number]:06d}"
        value = (
            f'{{"type":"order.completed","event_id":"e{seed}-{number:08d}","customer_id":"{customer}",'
            f'"occurred_at":"{iso(start + number * 1_000)}","order_id":"o{seed}-{number:08d}",'
            f'"total":{totals[number]:.2f},"currency":"EUR","products":[{{"product_id":"p{number % 97:03d}",'
            f'"name":"Thing {number % 97}","category":"things","price":{totals[number]:.2f},"quantity":1}}]}}'
        )
        yield Outgoing(customer.encode(), value.encode(), ())


def main() -> None:
    """Measure, and print one line per run and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--worker", help="internal: be the worker of this prefix")
    parser.add_argument("--kafka")
    parser.add_argument("--redis")
    args = parser.parse_args()
    if args.worker:
        kafka = KafkaConnection(args.kafka, prefix=args.worker, group=f"bench-{args.worker}")
        run_lanes(Wiring(kafka, args.redis, Policy(lanes=LANES), redis_prefix=args.worker), kind=SmallLane)
        return
    with servers() as services:
        results = [_one(services.addresses, f"small{run}", args.events, args.customers) for run in range(args.runs)]
    print(f"median of {args.runs}: {statistics.median(result.cpu_us for result in results):.1f} us CPU per event")


def _one(addresses: Addresses, prefix: str, events: int, customers: int) -> Measured:
    counts = fill(addresses, prefix, orders(events, customers, int(prefix[5:]) + 1))
    command = python("-m", "benchmarks.small_job", "--kafka", addresses.kafka, "--redis", addresses.redis)
    worker = subprocess.Popen([*command, "--worker", prefix], stderr=subprocess.DEVNULL)
    try:
        result = measure(worker, addresses.redis, prefix, counts, 120)
    finally:
        worker.terminate()
        worker.wait(30)
    print(
        f"{prefix}: {result.records} orders, {result.cpu_us:.1f} us CPU per event, {result.rate:,.0f}/s, "
        f"{result.rss_mb:.0f} MB",
        flush=True,
    )
    return result


if __name__ == "__main__":
    main()
