"""CPU of one worker for the whole path: Kafka to Kafka and Redis, with three segmentations and clusters active.

    python benchmarks/whole_path.py [--events 1000000] [--customers 20000] [--runs 3]

A worker with four lanes, and the model owner in a separate process that is not counted, consume the first 35 days of
the simulated shop, so that clusters exist. Then the measured events are written, and the same worker consumes them. CPU
is the worker's user and system time from the first to the last of them.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import redis

from benchmarks.harness import LANES, Measured, fill, measure, python, servers
from models.features.time import DAY_MS, DayGrid
from models.learning.learner import LearnerConfig
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.redis_keys import LaneKeys
from streamer.core.ledger import Ledger, load
from streamer.core.policy import Policy
from streamer.embedded import Addresses
from streamer.lanes.context import LaneSettings
from streamer.runtime.app import Wiring, run_lanes, run_owner
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

EVENTS_A_CUSTOMER_DAY = 877_000 / 10_000 / 365
WARM_DAYS = 35


def main() -> None:
    """Measure, and print one line per run and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--role", choices=("lanes", "owner"), help="internal: be a worker")
    parser.add_argument("--kafka")
    parser.add_argument("--redis")
    parser.add_argument("--prefix", default="")
    args = parser.parse_args()
    if args.role:
        wiring = Wiring(
            KafkaConnection(args.kafka, prefix=args.prefix, group=f"bench-{args.prefix}"),
            args.redis,
            Policy(lanes=LANES),
            LaneSettings(),
            LearnerConfig(frame_days=(30, 60, 90)),
            redis_prefix=args.prefix,
        )
        (run_lanes if args.role == "lanes" else run_owner)(wiring)
        return
    with servers() as services:
        results = [_one(services.addresses, f"run{run}", args.events, args.customers) for run in range(args.runs)]
    print(f"median of {args.runs}: {statistics.median(result.cpu_us for result in results):.1f} us CPU per event")


def _wait_for_clusters(url: str, prefix: str) -> None:
    client = redis.Redis.from_url(url)
    limit = time.monotonic() + 60
    while not all(_ledger(client, prefix, lane).timeline for lane in range(LANES)):
        if time.monotonic() > limit:
            raise RuntimeError("the model owner published nothing")
        time.sleep(0.1)


def _ledger(client: redis.Redis, prefix: str, lane: int) -> Ledger:
    raw = client.get(LaneKeys(prefix, lane).ledger)
    assert isinstance(raw, bytes), f"lane {lane} has no ledger"
    return load(raw)


def _history(customers: int, events: int, seed: int) -> tuple[Iterator[Outgoing], int]:
    """Return the records of a sufficiently long import, and the number of them in the first 35 days."""
    days = WARM_DAYS + int(events / customers / EVENTS_A_CUSTOMER_DAY) + 15
    now = time.time_ns() // 1_000_000
    start = now - (days + 1) * DAY_MS
    shop = Shop(ShopConfig(customers=customers, days=days, seed=seed, start=start))
    warm = sum(event.occurred_at < start + WARM_DAYS * DAY_MS for event in shop.events())
    return import_records(shop, "bench", DayGrid(), latest=now), warm


def _one(addresses: Addresses, prefix: str, events: int, customers: int) -> Measured:
    records, warm = _history(customers, events, 1 + int(prefix[3:]))
    command = python("-m", "benchmarks.whole_path", "--kafka", addresses.kafka, "--redis", addresses.redis)
    counts = fill(addresses, prefix, itertools.islice(records, warm + WARM_DAYS))
    workers = [
        subprocess.Popen([*command, "--prefix", prefix, "--role", role], stderr=subprocess.DEVNULL)
        for role in ("owner", "lanes")
    ]
    try:
        measure(workers[1], addresses.redis, prefix, counts, 300)
        _wait_for_clusters(addresses.redis, prefix)
        more = fill(addresses, prefix, itertools.islice(records, events))
        counts = [before + after for before, after in zip(counts, more, strict=True)]
        result = measure(workers[1], addresses.redis, prefix, counts, 600)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(30)
    client = redis.Redis.from_url(addresses.redis)
    ledgers = [_ledger(client, prefix, lane) for lane in range(LANES)]
    clusters = sum((Counter(ledger.sizes.get("behaviour", {})) for ledger in ledgers), Counter())
    changes: Counter[str] = Counter()
    for ledger in ledgers:
        for segmentation, causes in ledger.changes.items():
            changes[segmentation] += sum(causes.values())
    print(
        f"{prefix}: {result.records} records, {result.cpu_us:.1f} us CPU per event, {result.rate:,.0f}/s, "
        f"{result.rss_mb:.0f} MB, changes {dict(changes)}, unaccounted {sum(ledger.unaccounted for ledger in ledgers)}, "
        f"clusters {dict(clusters)}",
        flush=True,
    )
    return result


if __name__ == "__main__":
    main()
