"""CPU and latency of the service at steady rates: the product's own processes, with clusters active.

    python -m benchmarks.live [--rates 0,10,100,1000] [--seconds 60] [--customers 5000]

The history of 5,000 customers of the simulated shop is imported until clusters exist. Then events are sent live, at
each rate for the given time. The output has the worker's CPU per event, the share of a core of worker, owner, Kafka and
Redis, steps and transactions per second, and the time from sending an event to reading its change. Other load on the
machine is printed too, because the numbers mean little on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.harness import LANES, fill, measure, python, servers
from models.features.time import DAY_MS, DayGrid
from schemas import topics
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.adapters.redis_keys import LaneKeys
from streamer.core.ledger import load
from streamer.embedded import Services
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import import_records

WARM_DAYS = 110
SETTLE_SECONDS = 5.0
GROUP = "streamer"
KINDS = ("order.completed", "product.viewed", "product.viewed", "page.viewed", "product.clicked", "cart.added")


@dataclass
class Mark:
    """The values of all counters at one moment."""

    at: float
    cpu: Mapping[str, float]
    busy: float
    metrics: Mapping[str, float]
    consumed: int


@dataclass
class Service:
    """The processes under measurement."""

    services: Services
    worker: subprocess.Popen[bytes]
    owner: subprocess.Popen[bytes]
    log: Path
    customers: list[str] = field(default_factory=list)

    def mark(self) -> Mark:
        pids = {"worker": self.worker.pid, "owner": self.owner.pid, "kafka": self.services.kafka.pid}
        pids |= {"redis": self.services.redis.pid, "load": os.getpid()}
        cpu = {}
        for name, pid in pids.items():
            assert pid is not None, f"{name} is gone"
            times = psutil.Process(pid).cpu_times()
            cpu[name] = times.user + times.system
        machine = psutil.cpu_times()
        client = redis.Redis.from_url(self.services.addresses.redis)
        raws = [client.get(LaneKeys(GROUP, lane).ledger) for lane in range(LANES)]
        consumed = sum(load(raw).consumed for raw in raws if isinstance(raw, bytes))
        client.close()
        return Mark(time.monotonic(), cpu, sum(machine) - machine.idle - machine.iowait, self._metrics(), consumed)

    def _metrics(self) -> dict[str, float]:
        urls = re.findall(r"http://127\.0\.0\.1:\d+/metrics", self.log.read_text())
        text = urllib.request.urlopen(urls[-1], timeout=5).read().decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}


def main() -> None:
    """Measure each rate, and print one JSON object per line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="0,10,100,1000")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--customers", type=int, default=5_000)
    args = parser.parse_args()
    with running_service(args.customers) as service:
        for rate in map(int, args.rates.split(",")):
            print(json.dumps(_measured(service, rate, args.seconds)), flush=True)


@contextmanager
def running_service(customers: int) -> Iterator[Service]:
    """Provide a service with clusters that has applied everything imported."""
    with servers() as services, TemporaryDirectory(prefix="streamer-live-") as folder:
        addresses = services.addresses
        now = time.time_ns() // 1_000_000
        shop = Shop(ShopConfig(customers=customers, days=WARM_DAYS, seed=1, start=now - WARM_DAYS * DAY_MS))
        counts = fill(addresses, "", import_records(shop, "bench", DayGrid(), latest=now))
        logs = {role: Path(folder) / f"{role}.log" for role in ("owner", "lanes")}
        started = {role: _start(role, services, path) for role, path in logs.items()}
        try:
            measure(started["lanes"], addresses.redis, GROUP, counts, 300)
            found = Service(services, started["lanes"], started["owner"], logs["lanes"])
            client = redis.Redis.from_url(addresses.redis)
            limit = time.monotonic() + 60
            while not all(load(client.get(LaneKeys(GROUP, lane).ledger)).timeline for lane in range(LANES)):  # type: ignore[arg-type]
                assert time.monotonic() < limit, "the model owner published nothing"
                time.sleep(0.2)
            for lane in range(LANES):
                ids = client.zrange(LaneKeys(GROUP, lane).ids, 0, -1)
                found.customers += [id.decode() for id in ids]  # type: ignore[union-attr]
            client.close()
            time.sleep(SETTLE_SECONDS)
            yield found
        except BaseException:
            print(logs["lanes"].read_text()[-2_000:])
            raise
        finally:
            for process in started.values():
                process.terminate()
            for process in started.values():
                process.wait(30)


def _start(role: str, services: Services, log: Path) -> subprocess.Popen[bytes]:
    addresses = services.addresses
    ports = {f"STREAMER_{name}METRICS_PORT": "0" for name in ("", "OWNER_")}
    others = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    with log.open("wb") as out:
        return subprocess.Popen(
            python("-m", "streamer.runtime.process", role, "--kafka", addresses.kafka, "--redis", addresses.redis),
            env={**others, **ports, "STREAMER_HOME": str(services.home), "STREAMER_LOG_FORMAT": "json"},
            stdout=out,
            stderr=out,
        )


def _measured(service: Service, rate: int, seconds: float) -> dict[str, object]:
    marks: list[Mark] = []
    latencies = asyncio.run(steadily(service, rate, seconds, marks))
    first, last = marks
    wall, consumed = last.at - first.at, last.consumed - first.consumed
    transactions = 'streamer_transactions_total{outcome="committed"}'
    steps = last.metrics[transactions] - first.metrics[transactions]
    shares = {name: round((last.cpu[name] - first.cpu[name]) / wall * 100, 1) for name in first.cpu}
    ours = sum(last.cpu.values()) - sum(first.cpu.values())
    return {
        "rate": rate,
        "seconds": round(wall, 1),
        "consumed": consumed,
        "worker_us_per_event": round((last.cpu["worker"] - first.cpu["worker"]) / consumed * 1e6, 1) if rate else None,
        "percent_of_a_core": shares,
        "transactions_per_second": round(steps / wall, 1),
        "records_per_transaction": round(consumed / steps, 2) if steps else None,
        "changes": len(latencies),
        "send_to_change_ms": {f"p{q}": quantile(latencies, q) for q in (50, 95, 99)},
        "others_percent_of_a_core": round((last.busy - first.busy - ours) / wall * 100, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "unaccounted": sum(value for name, value in last.metrics.items() if "unaccounted_records" in name),
    }


def quantile(values: list[float], percent: int) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1_000, 1) if ordered else None


async def steadily(service: Service, rate: int, seconds: float, marks: list[Mark]) -> list[float]:
    """Send at a steady rate and read the changes; return the latencies, in seconds, of events sent while measuring."""
    bootstrap = service.services.addresses.kafka
    consumer = AIOKafkaConsumer(
        topics.CHANGES, bootstrap_servers=bootstrap, isolation_level="read_committed", fetch_max_wait_ms=100
    )
    sent: dict[str, float] = {}
    found: list[tuple[float, float]] = []

    async def read() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                now = time.monotonic()
                for record in records:
                    trigger = json.loads(record.value)["trigger"]
                    if trigger is not None and (at := sent.pop(trigger["event_id"], None)) is not None:
                        found.append((at, now - at))

    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0) as producer, consumer:
        await consumer.getmany(timeout_ms=500)
        reading = asyncio.create_task(read())
        chooser, run = random.Random(1), os.urandom(3).hex()
        begun = time.monotonic()
        numbers = itertools.count()
        number = next(numbers)
        while (passed := time.monotonic() - begun) < SETTLE_SECONDS + seconds:
            if not marks and passed >= SETTLE_SECONDS:
                marks.append(service.mark())
            while number < passed * rate:
                customer, name = chooser.choice(service.customers), f"{run}-{number}"
                sent[name] = time.monotonic()
                key = customer.encode()
                value = _event(chooser.choice(KINDS), name, customer)
                await producer.send(topics.EVENTS, value, key=key, partition=partition_for(key, LANES))
                number = next(numbers)
            await asyncio.sleep(0.004 if rate >= 100 else 0.02)
        marks.append(service.mark())
        await asyncio.sleep(1.5)
        reading.cancel()
    return [seconds for at, seconds in found if at >= marks[0].at]


def _event(kind: str, name: str, customer: str) -> bytes:
    body: dict[str, object] = {"type": kind, "event_id": name, "customer_id": customer}
    body["occurred_at"] = iso(time.time_ns() // 1_000_000)
    line = {"product_id": "p1", "category": "tea", "price": 9.9}
    if kind == "order.completed":
        body |= {"order_id": name, "total": 59.9, "currency": "EUR", "products": [line | {"quantity": 1}]}
    elif kind != "page.viewed":
        body |= line | {"currency": "EUR"}
    return json.dumps(body).encode()


if __name__ == "__main__":
    main()
