"""Test that a full, read-only or failing-over Redis is waited for, and one that may drop customers is refused."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from command_line import CommandLine
from live_service import LiveService
from own_valkey import own_valkey

from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.embedded.valkey import Valkey
from streamer.runtime.supervise import EXIT_MISTAKE
from streamer.sources.import_records import Outgoing

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

LANES = 4
CUSTOMERS = 200
AWAY_SECONDS = 30 if "FAULTS" in os.environ else 6
"""Long enough for every lane to have retried."""
MANY = 12_000 if "FAULTS" in os.environ else 6_000


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with own_valkey(tmp_path / "valkey", persistent=False) as server:
        yield server


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.address) as made:
        yield made


@pytest.fixture
def service(addresses: Addresses, valkey: Valkey, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, valkey.address, prefix, tmp_path, lanes=LANES) as made:
        yield made


def views(start: int, count: int) -> list[Outgoing]:
    now = iso(time.time_ns() // 1_000_000)
    bodies = (
        {"type": "product.viewed", "event_id": f"e{n}", "customer_id": f"c{n % CUSTOMERS}", "occurred_at": now}
        for n in range(start, start + count)
    )
    return [Outgoing(str(body["customer_id"]).encode(), json.dumps(body).encode(), ()) for body in bodies]


def fill(client: redis.Redis) -> None:
    """Set less memory than is in use."""
    client.config_set("maxmemory", str(client.info("memory")["used_memory"] // 2))


def empty(client: redis.Redis) -> None:
    client.config_set("maxmemory", "0")


def replicate(client: redis.Redis) -> None:
    """Make it a replica of a server that does not exist, as in the middle of a failover."""
    client.replicaof("127.0.0.1", "1")


def replicate_strictly(client: redis.Redis) -> None:
    """Make it such a replica, which refuses reads as well."""
    client.config_set("replica-serve-stale-data", "no")
    replicate(client)


def promote(client: redis.Redis) -> None:
    client.replicaof("NO", "ONE")


@pytest.mark.parametrize(
    ("breaks", "heals", "message"),
    [
        (fill, empty, "Redis is full"),
        (replicate, promote, "Redis is read-only"),
        (replicate_strictly, promote, "Redis is failing over"),
    ],
    ids=["full", "read-only", "failing over"],
)
def test_lanes_wait_for_it_and_report_it_once(
    service: LiveService,
    client: redis.Redis,
    breaks: Callable[[redis.Redis], None],
    heals: Callable[[redis.Redis], None],
    message: str,
    record_property: Callable[[str, object], None],
) -> None:
    worker = service.start()
    service.publish(views(0, 1_000))
    service.wait_until_applied()
    pid = worker.pid
    breaks(client)
    service.publish(views(1_000, 1_000))
    service.wait(lambda: message in service.logs(), 30)
    time.sleep(AWAY_SECONDS)
    assert worker.poll() is None
    heals(client)
    service.publish(views(2_000, 1_000))
    service.wait_until_applied()
    assert worker.poll() is None and worker.pid == pid
    log_lines = [line for line in service.logs().splitlines() if line.startswith("{")]
    waits = [
        line for line in map(json.loads, log_lines) if "pausing lanes until it recovers" in line.get("message", "")
    ]
    messages = [line["message"].partition(";")[0] for line in waits]
    # A server that fails over may also call itself read-only.
    most = 2 if breaks is replicate_strictly else 1
    assert len(messages) == len(set(messages)) <= most, "once for each cause, for all lanes"
    assert any(message in one for one in messages) and all(line["streamer.hint"] for line in waits)
    service.wait(lambda: "Redis recovered" in service.logs(), 30)
    ledgers = service.ledgers()
    assert sum(ledger.applied for ledger in ledgers) == 3_000
    assert sum(ledger.duplicates + ledger.unaccounted for ledger in ledgers) == 0
    assert service.parity().differences == []
    record_property("seen", f"{message}, {AWAY_SECONDS} s: {service.count()}")


def test_a_worker_that_starts_on_a_full_redis_waits_too(service: LiveService, client: redis.Redis) -> None:
    client.set("ballast", "x" * 1_000_000)
    fill(client)
    service.publish(views(0, 500))
    worker = service.start()
    service.wait(lambda: "Redis is full" in service.logs(), 30)
    assert worker.poll() is None
    empty(client)
    service.wait_until_applied()
    assert worker.poll() is None
    assert sum(ledger.applied for ledger in service.ledgers()) == 500


@pytest.mark.parametrize(
    ("policy", "maxmemory", "refused"),
    [
        ("allkeys-lru", "100mb", True),
        ("allkeys-random", "100mb", True),
        ("allkeys-lru", "0", False),  # nothing is ever evicted
        ("volatile-lru", "100mb", False),  # our keys never expire
        ("noeviction", "100mb", False),
    ],
)
def test_a_redis_that_may_drop_customers_is_refused(
    service: LiveService, client: redis.Redis, tmp_path: Path, policy: str, maxmemory: str, refused: bool
) -> None:
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", maxmemory)
    worker = service.start()
    if not refused:
        service.publish(views(0, 50))
        service.wait_until_applied()
        assert worker.poll() is None
        return
    assert worker.wait(30) == EXIT_MISTAKE
    assert f"maxmemory-policy is {policy}" in service.logs()
    assert "CONFIG SET maxmemory-policy noeviction" in service.logs()
    assert client.dbsize() == 0
    # `streamer worker` ends with this error instead of retrying, and reports it.
    done = CommandLine(tmp_path, service.environment).run("worker")
    assert done.exit_code != 0


def test_a_redis_that_begins_to_evict_loses_and_doubles_nothing(
    addresses: Addresses,
    valkey: Valkey,
    client: redis.Redis,
    prefix: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """An operator sets allkeys-lru under a running worker with few customers in memory, and reverts it."""
    many, settings = MANY, {"STREAMER_MAX_RESIDENTS": "1000"}
    message = "Redis evicts customers"
    with LiveService(addresses, valkey.address, prefix, tmp_path, lanes=LANES, **settings) as service:
        worker = service.start()
        service.publish(orders(0, many))
        service.wait_until_applied()
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", str(client.info("memory")["used_memory"] * 3 // 4))
        service.publish(orders(many, many), rate=1_500)
        evicted = client.info("stats")["evicted_keys"]
        assert evicted > 100
        # Lanes that noticed it wait, and log it once for all; no restore continues meanwhile.
        service.wait(lambda: message in service.logs(), 30)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "0")
        service.publish(orders(2 * many, many))
        service.wait_until_applied(100)
        assert worker.poll() is None, service.logs()
        ledgers = service.ledgers()
        assert sum(ledger.applied for ledger in ledgers) == 3 * many
        assert sum(ledger.customers for ledger in ledgers) == many
        assert sum(ledger.duplicates + ledger.unaccounted for ledger in ledgers) == 0
        assert service.parity().differences == []
        record_property("seen", f"{evicted:,} keys of {many:,} customers evicted: {service.count()}")


def orders(start: int, customers: int) -> list[Outgoing]:
    """Return one event of each customer."""
    now = iso(time.time_ns() // 1_000_000)
    return [
        Outgoing(
            f"c{n % customers}".encode(),
            json.dumps(
                {
                    "type": "order.completed",
                    "event_id": f"e{n}",
                    "order_id": f"o{n}",
                    "customer_id": f"c{n % customers}",
                    "occurred_at": now,
                    "total": 10.0,
                    "currency": "EUR",
                }
            ).encode(),
            (),
        )
        for n in range(start, start + customers)
    ]
