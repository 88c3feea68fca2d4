"""Shared parts of the benchmarks: a service on embedded servers, events written to it, and a worker's CPU."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.partition import partition_for
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.topics import create_topics
from streamer.embedded import Addresses, Services, running
from streamer.sources.import_records import Outgoing

LANES = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of one process between the first and the last record, and the number of records between them."""

    records: int
    seconds: float
    cpu_seconds: float
    rss_mb: float

    @property
    def cpu_us(self) -> float:
        """Worker CPU per record, in microseconds."""
        return self.cpu_seconds / self.records * 1e6

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds


@contextmanager
def servers() -> Iterator[Services]:
    """Provide embedded servers on an empty folder, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="streamer-bench-") as home, running(Path(home)) as services:
        yield services


def fill(addresses: Addresses, prefix: str, records: Iterable[Outgoing]) -> list[int]:
    """Create the topics of a prefix and write all records; return the number of records by lane."""
    create_topics(addresses.kafka, prefix=prefix, lanes=LANES)
    return asyncio.run(_produce(addresses.kafka, topics.full_name(topics.EVENTS, prefix), records))


async def _produce(bootstrap: str, topic: str, records: Iterable[Outgoing]) -> list[int]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=262_144, linger_ms=20)
    await producer.start()
    counts = [0] * LANES
    pending: list[asyncio.Future[object]] = []
    try:
        for record in records:
            lanes = range(LANES) if record.every_lane else (partition_for(record.key or b"", LANES),)
            for lane in lanes:
                counts[lane] += 1
                sent = await producer.send(
                    topic, record.value, key=record.key, partition=lane, headers=list(record.headers)
                )
                pending.append(sent)
            if len(pending) > 5_000:
                await asyncio.gather(*pending)
                pending.clear()
        await asyncio.gather(*pending)
    finally:
        await producer.stop()
    return counts


def measure(worker: subprocess.Popen[bytes], url: str, prefix: str, counts: list[int], deadline: float) -> Measured:
    """Watch a worker's lanes until each has consumed at least ``counts`` records.

    ``prefix`` is the prefix of the lanes' keys in Redis.
    """
    client = redis.Redis.from_url(url)
    process = psutil.Process(worker.pid)
    total = sum(counts)
    first: tuple[float, float, int] | None = None
    start = -1
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        if worker.poll() is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode}")
        ledgers = [client.get(LaneKeys(prefix, lane).ledger) for lane in range(LANES)]
        consumed = sum(json.loads(raw)["consumed"] for raw in ledgers if raw)
        times = process.cpu_times()
        now = (time.monotonic(), times.user + times.system, consumed)
        start = consumed if start < 0 else start
        if first is None and consumed > start:
            first = now
        if first is not None and consumed >= total:
            rss = process.memory_info().rss / 2**20
            return Measured(consumed - first[2], now[0] - first[0], now[1] - first[1], rss)
        time.sleep(0.05)
    raise RuntimeError(f"not done after {deadline:.0f} s: {consumed} of {total} records")


def python(*args: str) -> list[str]:
    """Return a command line that runs this Python."""
    return [sys.executable, *args]
