"""``streamer web``: latency beside a busy worker, CPU per answer and per event, and time to fill lists.

    python -m benchmarks.web [lookup] [collector] [fill] [--seconds 60] [--events 50000] [--rows 1000000]

- ``lookup``: customers of a live service looked up 200 times a second while it takes 500 events a second. Goals are a
  median of 2 ms, a p99 of 25 ms, and 150 us of CPU each. The CPU that the process uses under the same events without
  look-ups, which is the cost of the read model, is subtracted. Before that, the same customers are looked up one after
  another over eight connections without other load, because a busy processor takes less CPU per look-up.
  `waits_for_a_core` is the share of the time for which the server could have run but other programs had the
  processors; if it is not small, the times measure the machine.
- ``collector``: events in batches of 50, in our form and in that of Segment's libraries; goal 120 us of CPU per event.
- ``fill``: three fifths of the rows as members, two fifths as moves, read from the topics by a new process; goal 60 s
  for 1,000,000.

Prints one JSON object per line, with the other load on the machine beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
from aiokafka import AIOKafkaProducer

from benchmarks.harness import LANES, python, servers
from benchmarks.live import Mark, quantile, running_service, steadily
from benchmarks.requests import Request, at_once, at_rate
from schemas import topics
from schemas.changes import Change, Membership, ModelRef, Reason, SegmentRef, encode_change, encode_memberships
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.adapters.topics import create_topics
from streamer.embedded import Addresses
from streamer.web.api.tokens import FILE, Tokens

RATE, EVENTS_RATE, BATCH = 200, 500, 50
FULL_SPEED: Final = 10_000
"""Number of look-ups one after another."""
_NOW: Final = 20_700 * 86_400_000
_SEGMENTATIONS: Final = ("lifecycle", "value", "behaviour")
_MOVES_EACH: Final = 2
"""Moves per customer, in addition to one membership per segmentation: three of a customer's five rows are members."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help="lookup, collector, fill; all unless given")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    parts = options.parts or ["lookup", "collector", "fill"]
    if "lookup" in parts:
        _lookup(options.customers, options.seconds)
    if "collector" in parts:
        _collector(options.events)
    if "fill" in parts:
        _fill(options.rows)


class Web:
    """A running `streamer web`, with a token that may read and write."""

    def __init__(self, addresses: Addresses, home: Path) -> None:
        self.port = _free_port()
        self.token = Tokens(home / FILE).create("bench", ["read", "write"], iso(_NOW))
        others = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
        settings = {
            "STREAMER_KAFKA": addresses.kafka,
            "STREAMER_REDIS": addresses.redis,
            "STREAMER_HOME": str(home),
            "STREAMER_WEB_PORT": str(self.port),
            "STREAMER_WEB_METRICS_PORT": "0",
            "STREAMER_WEB_RATE": "100000",
        }
        self.process = subprocess.Popen(
            python("-m", "streamer", "web"), env={**others, **settings}, stderr=subprocess.DEVNULL
        )
        self._usage = psutil.Process(self.process.pid)

    @property
    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    @property
    def waited(self) -> float:
        """Return the seconds for which the loop could have run but other programs had the processors."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9

    @property
    def megabytes(self) -> float:
        return float(self._usage.memory_info().rss / 2**20)

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the read model has read the topics to their current ends."""
        limit = time.monotonic() + seconds
        while True:
            assert time.monotonic() < limit and self.process.poll() is None, "it does not become ready"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.02)


@contextmanager
def _web(addresses: Addresses, ready_within: float = 120) -> Iterator[Web]:
    with TemporaryDirectory(prefix="streamer-web-") as home:
        found = Web(addresses, Path(home))
        try:
            found.wait_until_ready(ready_within)
            yield found
        finally:
            found.process.terminate()
            found.process.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _elsewhere(function: Callable[..., Any], *arguments: object) -> Any:
    """Run a function in a separate process and return its result, so that only the server delays it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


# -- lookup -------------------------------------------------------------------------------------------------------


def _lookup(customers: int, seconds: float) -> None:
    with running_service(customers) as service, _web(service.services.addresses) as web:
        chance = random.Random(2)
        requests = [
            Request(f"/v1/customers/{id}") for id in chance.sample(service.customers, min(2_000, customers // 2))
        ]
        _elsewhere(at_rate, web.port, web.token, requests, RATE, 3.0)
        begun, many = web.cpu, requests * (FULL_SPEED // len(requests) + 1)
        at_full_speed = _elsewhere(at_once, web.port, web.token, many, _found)
        busy = (web.cpu - begun) / len(many)

        def under_events(rate: float) -> tuple[float, float, list[float], list[Mark]]:
            marks: list[Mark] = []
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                loading = pool.submit(at_rate, web.port, web.token, requests, rate, seconds) if rate else None
                began, begun, waited = time.monotonic(), web.cpu, web.waited
                asyncio.run(steadily(service, EVENTS_RATE, seconds, marks))
                found = [] if loading is None else loading.result()
                return web.cpu - begun, (web.waited - waited) / (time.monotonic() - began), found, marks

        alone, _, _, _ = under_events(0)
        together, waited, answers, (first, last) = under_events(RATE)
        wall = last.at - first.at
        _print(
            "lookup",
            requests=len(answers),
            ms={f"p{percent}": quantile(answers, percent) for percent in (50, 95, 99)},
            waits_for_a_core=round(waited, 3),
            cpu_us_each=round((together - alone) / len(answers) * 1e6, 1),
            at_full_speed={"a_second": round(len(many) / at_full_speed), "cpu_us_each": round(busy * 1e6, 1)},
            read_model_percent_of_a_core=round(alone / wall * 100, 1),
            events_per_second=round((last.consumed - first.consumed) / wall),
            megabytes=round(web.megabytes, 1),
        )


# -- collector ----------------------------------------------------------------------------------------------------


def _collector(events: int) -> None:
    with servers() as services:
        create_topics(services.addresses.kafka, prefix="", lanes=LANES)
        with _web(services.addresses) as web:
            for form, path, body in (("ours", "/v1/events", _ours), ("Segment's", "/v1/batch", _segments)):
                requests = [Request(path, body(number)) for number in range(0, events, BATCH)]
                _elsewhere(at_once, web.port, web.token, requests[: len(requests) // 20 + 1], _all_accepted)
                begun = web.cpu
                seconds = _elsewhere(at_once, web.port, web.token, requests, _all_accepted)
                _print(
                    "collector",
                    form=form,
                    events=events,
                    cpu_us_each=round((web.cpu - begun) / events * 1e6, 1),
                    events_per_second=round(events / seconds),
                    megabytes=round(web.megabytes, 1),
                )


def _found(status: int, body: bytes) -> bool:
    return status == 200 and body.startswith(b'{"customer_id":')


def _all_accepted(status: int, body: bytes) -> bool:
    return status in (200, 202) and json.loads(body) == {"accepted": BATCH, "rejected": []}


def _ours(first: int) -> bytes:
    now = iso(time.time_ns() // 1_000_000)
    return json.dumps([_event(number, now) for number in range(first, first + BATCH)]).encode()


def _event(number: int, now: str) -> dict[str, object]:
    body: dict[str, object] = {"event_id": f"o{number}", "customer_id": f"c{number % 997}", "occurred_at": now}
    line = {"product_id": "p1", "category": "tea", "price": 9.9}
    if number % 5 == 0:
        body |= {"type": "order.completed", "order_id": f"o{number}", "total": 59.9, "currency": "EUR"}
        return body | {"products": [line | {"quantity": 1}]}
    return body | line | {"type": "product.viewed", "currency": "EUR"}


def _segments(first: int) -> bytes:
    now = iso(time.time_ns() // 1_000_000)
    return json.dumps(
        {
            "batch": [
                {
                    "type": "track",
                    "event": "Product Viewed",
                    "userId": f"c{number % 997}",
                    "messageId": f"s{number}",
                    "timestamp": now,
                    "context": {"library": {"name": "analytics-node", "version": "3.1.0"}},
                    "properties": {"product_id": "p1", "category": "tea", "price": 9.9, "currency": "EUR"},
                }
                for number in range(first, first + BATCH)
            ],
            "sentAt": now,
        }
    ).encode()


# -- fill ---------------------------------------------------------------------------------------------------------


def _fill(rows: int) -> None:
    customers = rows // (len(_SEGMENTATIONS) + _MOVES_EACH)
    with servers() as services:
        create_topics(services.addresses.kafka, prefix="", lanes=LANES)
        asyncio.run(_write(services.addresses.kafka, customers))
        begun = time.monotonic()
        with _web(services.addresses, 600) as web:
            seconds = time.monotonic() - begun
            _print(
                "fill",
                rows=customers * (len(_SEGMENTATIONS) + _MOVES_EACH),
                seconds=round(seconds, 1),
                rows_per_second=round(rows / seconds),
                cpu_seconds=round(web.cpu, 1),
                megabytes=round(web.megabytes, 1),
            )


async def _write(bootstrap: str, customers: int) -> None:
    chance = random.Random(3)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=262_144, linger_ms=20)
    await producer.start()
    sent: list[asyncio.Future[object]] = []
    for number in range(customers):
        id = f"c{chance.getrandbits(40):x}-{number}"
        for topic, value in _records(id, _NOW - chance.randrange(300 * 86_400_000)):
            lane = partition_for(id.encode(), LANES)
            sent.append(await producer.send(topic, value, key=id.encode(), partition=lane))
        if len(sent) > 5_000:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
    await producer.stop()


def _records(id: str, at: int) -> Iterator[tuple[str, bytes | None]]:
    for seq, (before, after) in enumerate((("new", "active"), ("active", "loyal")), 1):
        change = Change(
            event_id=f"{id}-{seq}",
            customer_id=id,
            seq=seq,
            segmentation="lifecycle",
            from_segment=SegmentRef(before, before.title()),
            to_segment=SegmentRef(after, after.title()),
            cause="event",
            automation_safe=True,
            is_initial=False,
            changed_at=at + seq,
            trigger=None,
            model=ModelRef("rules", 1),
            reasons=(Reason("orders", 1.0, 2.0, 2.0),),
            features={"orders": 2.0, "recency_days": 0.0, "lateness": 0.4},
        )
        yield topics.CHANGES, encode_change(change, at)
    held = {name: Membership("loyal", "Loyal", at, 1) for name in _SEGMENTATIONS}
    yield topics.MEMBERSHIPS, encode_memberships(id, _MOVES_EACH, at, held)


def _print(part: str, **figures: object) -> None:
    found: Mapping[str, object] = {"part": part, **figures, "load_average": round(os.getloadavg()[0], 2)}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
