"""Test a Redis that lost some of its keys but not the token: no customer starts over as a new person."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from live_service import LiveService

from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.lanes.restore import LOST
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

CUSTOMERS = 1_000 if "FAULTS" in os.environ else 100
LANES = 2


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES) as made:
        yield made


def orders(round: int) -> list[Outgoing]:
    now = iso(time.time_ns() // 1_000_000)
    body = {"type": "order.completed", "occurred_at": now, "total": 20.0, "currency": "EUR"}
    return [
        Outgoing(
            f"c{number}".encode(),
            json.dumps(
                body | {"event_id": (id := f"{round}-{number}"), "order_id": id, "customer_id": f"c{number}"}
            ).encode(),
            (),
        )
        for number in range(CUSTOMERS)
    ]


PARTS = ("parts", "parts and ids", "half of the ids")
INDEXES = {0: "due:", 1: "aliases"}
"""By lane. `tests/contract` also loses each of the others."""


def links() -> list[Outgoing]:
    """Return anonymous ids that turn out to be customers; each leaves an alias."""
    now = iso(time.time_ns() // 1_000_000)
    bodies = [
        {"type": "identity.linked", "event_id": f"l{n}", "anonymous_id": f"anon{n}", "customer_id": f"c{n}"}
        for n in range(20)
    ]
    return [Outgoing(b["anonymous_id"].encode(), json.dumps(b | {"occurred_at": now}).encode(), ()) for b in bodies]


@pytest.mark.parametrize("lost", [*PARTS, "indexes"])
def test_a_part_of_the_customers_is_lost_while_no_worker_runs(
    service: LiveService, redis_url: str, lost: str, record_property: Callable[[str, object], None]
) -> None:
    worker = service.start()
    service.publish([*orders(1), *orders(2), *links()])
    service.wait_until_applied()
    service.wait_until_applied()  # including what is rerouted to another lane
    worker.terminate()
    assert worker.wait(30) == 0
    chosen = random.Random(1).sample(range(CUSTOMERS), CUSTOMERS * 3 // 10)
    with redis.Redis.from_url(redis_url) as client:
        if lost == "indexes":
            assert all(client.delete(service.keys(lane)._own(name)) == 1 for lane, name in INDEXES.items())
            chosen = []
        for id in (f"c{number}" for number in chosen):
            lane = partition_for(id.encode(), LANES)
            if lost != "half of the ids":
                assert client.delete(service.keys(lane).parts(id)) == 1
            if lost != "parts":
                assert client.zrem(service.keys(lane).ids, id) == 1
    worker = service.start()
    service.publish(orders(3))
    service.wait_until_applied()
    assert worker.poll() is None
    # A worker that was paused for a moment writes what follows ten seconds later.
    service.wait(lambda: bool(service.logged(worker, LOST)), 30)
    assert sum(ledger.customers for ledger in service.ledgers()) == CUSTOMERS
    assert sum(ledger.unaccounted + ledger.duplicates for ledger in service.ledgers()) == 0
    chains: dict[str, list[int]] = {}
    for change in service.changes():
        chains.setdefault(change["customer_id"], []).append(change["seq"])
    assert len(chains) == CUSTOMERS
    assert all(seen == list(range(1, len(seen) + 1)) for seen in chains.values())
    assert service.parity().differences == []
    record_property("seen", f"{lost}, {len(chosen) or 'all'} of {CUSTOMERS:,}: {service.count()}")
