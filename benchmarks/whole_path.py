"""CPU of one worker for the whole path: Kafka to Kafka and Redis, three segmentations, clusters active.

    python benchmarks/whole_path.py [--events 1000000] [--customers 20000] [--runs 3]

The simulated shop's history is written first; then a worker with four lanes and the model owner (a process of its own,
not counted) start together. CPU is the worker's, user and system, from the first to the last record.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator

import redis

from benchmarks.harness import LANES, Measured, fill, measure, python, servers
from models.time import DAY_MS, Grid
from streamer.app import Wiring, run_lanes, run_owner
from streamer.adapters.kafka import KafkaConnection
from streamer.feed import Outgoing, feed
from streamer.lane import LaneSettings
from streamer.local import Addresses
from streamer.policy import Policy
from streamer.shop.config import ShopConfig
from streamer.shop.simulate import Shop

EVENTS_A_CUSTOMER_DAY = 877_000 / 10_000 / 365


def main() -> None:
    """Measure, and print one line a run and the median."""
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
            LaneSettings(wall=False),
            redis_prefix=args.prefix,
        )
        (run_lanes if args.role == "lanes" else run_owner)(wiring)
        return
    results = []
    with servers() as services:
        for run in range(args.runs):
            results.append(_one(services.addresses, f"run{run}", args.events, args.customers))
    print(f"median of {args.runs}: {statistics.median(result.cpu_us for result in results):.1f} us CPU per event")


def _history(events: int, customers: int, run: int) -> Iterator[Outgoing]:
    days = int(events / customers / EVENTS_A_CUSTOMER_DAY) + 20
    now = time.time_ns() // 1_000_000
    shop = Shop(ShopConfig(customers=customers, days=days, seed=run + 1, start=now - (days + 1) * DAY_MS))
    records = feed(shop, "bench", Grid(), latest=now)
    seen = 0
    for record in records:
        seen += not record.every_lane
        if seen > events:
            break
        yield record


def _one(addresses: Addresses, prefix: str, events: int, customers: int) -> Measured:
    counts = fill(addresses, prefix, _history(events, customers, int(prefix[3:])))
    command = python("-m", "benchmarks.whole_path", "--kafka", addresses.kafka, "--redis", addresses.redis)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    workers = [
        subprocess.Popen([*command, "--prefix", prefix, "--role", role], env=environment)
        for role in ("owner", "lanes")
    ]
    try:
        result = measure(workers[1], addresses.redis, prefix, counts, 600)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(30)
    client = redis.Redis.from_url(addresses.redis)
    ledgers = [json.loads(client.get(f"{prefix}:{{{lane}}}:ledger") or b"{}") for lane in range(LANES)]
    sizes: dict[str, int] = {}
    for name, count in itertools.chain.from_iterable(
        (ledger.get("sizes", {}).get("behaviour", {}).items()) for ledger in ledgers
    ):
        sizes[name] = sizes.get(name, 0) + count
    changes = sum(sum(causes.values()) for ledger in ledgers for causes in ledger["changes"].values())
    print(
        f"{prefix}: {result.records} records, {result.cpu_us:.1f} us CPU per event, {result.rate:,.0f}/s, "
        f"{result.rss_mb:.0f} MB, {changes} changes, unaccounted "
        f"{[ledger['consumed'] - sum(ledger[k] for k in ('applied', 'duplicates', 'rerouted')) - sum(ledger['dead_letters'].values()) - sum(ledger['control'].values()) for ledger in ledgers]}, "
        f"clusters {sizes}",
        flush=True,
    )
    return result


if __name__ == "__main__":
    main()
