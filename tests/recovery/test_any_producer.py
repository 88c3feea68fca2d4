"""Test that events from a producer with CRC32 partitions are not lost, doubled or folded differently.

20,000 events, half of them from that producer; 100,000 by ``make soak``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from math import isclose
from pathlib import Path
from random import Random
from typing import Any

import pytest
from confluent_kafka import Producer
from heart_logs import Driver
from live_service import LiveService

from models.customer import snapshot
from models.customer.customer import Customer
from models.rules.evaluate import facts
from schemas import topics
from schemas.partition import partition_for
from schemas.records import Record
from schemas.wire_time import iso
from streamer.core.policy import Policy
from streamer.embedded import Addresses
from streamer.lanes.keys import split_key
from streamer.replay.placement import crc32_partition

pytestmark = [pytest.mark.integration, pytest.mark.recovery, pytest.mark.timeout(600)]

EVENTS = 100_000 if "SOAK_SEEDS" in os.environ else 20_000
CUSTOMERS = EVENTS // 20
LANES = 4
KINDS = ("product.viewed", "product.clicked", "cart.added", "page.viewed")
COUNTS = (
    "orders",
    "spend",
    "items",
    "discounted",
    "first_order",
    "last_order",
    "interactions",
)


def happenings(end: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Return customers and bodies of the last hour before ``end`` (ms): orders, reversals of them, interactions."""
    random = Random(seed)
    ordered: dict[str, list[str]] = {}
    for number in range(EVENTS):
        customer = f"c{random.randrange(CUSTOMERS)}"
        at = end - 3_600_000 + 3_600_000 * number // EVENTS
        body: dict[str, Any] = {"event_id": f"e{number}", "customer_id": customer, "occurred_at": iso(at)}
        names = ordered.setdefault(customer, [])
        dice = random.random()
        if dice < 0.3:
            price, quantity = random.randrange(100, 9_000) / 100, random.randrange(1, 4)
            line = {"product_id": "p", "category": f"k{number % 5}", "price": price, "quantity": quantity}
            body |= {"type": "order.completed", "order_id": f"o{number}", "total": round(price * quantity, 2)}
            body |= {"currency": "EUR", "products": [line]}
            names.append(f"o{number}")
        elif dice < 0.35 and names:
            body |= {"type": "order.cancelled", "refund_id": f"r{number}", "order_id": names.pop()}
        else:
            body |= {"type": random.choice(KINDS), "category": f"k{number % 5}"}
        yield customer, json.dumps(body).encode()


def publish(service: LiveService, events: list[tuple[str, bytes]]) -> None:
    """Send every other event with librdkafka's default, the rest with the right partitioner."""
    common = {"bootstrap.servers": service.connection.bootstrap, "linger.ms": 5, "enable.idempotence": True}
    producers = (Producer(common), Producer({**common, "partitioner": "murmur2_random"}))
    topic = service.connection.topic(topics.EVENTS)
    for number, (customer, body) in enumerate(events):
        producer = producers[number % 2]
        while True:
            try:
                producer.produce(topic, key=customer, value=body)
                break
            except BufferError:
                producer.poll(0.1)
    for producer in producers:
        assert producer.flush(60) == 0


def sent_right(service: LiveService, events: list[tuple[str, bytes]], now: int) -> dict[str, Customer]:
    """Return all customers' states if each event is on its own partition, in sending order."""
    lanes: dict[int, list[Record]] = {lane: [] for lane in range(LANES)}
    for customer, body in events:
        key = customer.encode()
        lane = lanes[partition_for(key, LANES)]
        lane.append(Record(partition_for(key, LANES), len(lane), now, key, body))
    found: dict[str, Customer] = {}
    for number, records in lanes.items():
        driver = Driver(service.policy, partition=number)
        for start in range(0, len(records), 2_000):
            driver.feed(records[start : start + 2_000])
        found |= driver.state.cache.customers
    return found


def kept(service: LiveService) -> dict[str, Customer]:
    """Return all customers in the changelog."""
    parts: dict[str, dict[str, bytes]] = {}
    for lane in range(LANES):
        for record in service.records(topics.STATE, lane):
            if not record.key.startswith(b"!"):
                id, part = split_key(record.key)
                parts.setdefault(id, {})[part] = record.value
    return {id: snapshot.load(id, own)[0] for id, own in parts.items()}


def test_events_of_a_crc32_producer_are_folded_as_if_sent_right(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES)
    try:
        service.start()
        now = time.time_ns() // 1_000_000
        events = list(happenings(now))
        publish(service, events)
        expected = sent_right(service, events, now + 60_000)
        service.wait_until_applied(300)
        # Rerouted records are applied as well.
        service.wait_until_applied(300)

        ledgers = service.ledgers()
        astray = sum(
            crc32_partition(customer.encode(), LANES) != partition_for(customer.encode(), LANES)
            for customer, _ in events[::2]
        )
        assert sum(ledger.applied for ledger in ledgers) == EVENTS, "none lost, none doubled"
        assert sum(ledger.rerouted for ledger in ledgers) == astray > EVENTS // 4
        assert sum(ledger.duplicates for ledger in ledgers) == sum(ledger.unaccounted for ledger in ledgers) == 0
        assert not any(ledger.dead_letters for ledger in ledgers)
        assert service.parity().differences == []

        found, policy = kept(service), service.policy
        assert found.keys() == expected.keys()
        for id, right in expected.items():
            ours = found[id]
            assert counts(ours) == counts(right), id
            assert close(features(ours, now, policy), features(right, now, policy)), id
            shown = json.loads(service.document(id) or b"{}")
            assert shown["features"]["orders"] == right.statistics.orders
            assert shown["features"]["spend"] == right.statistics.spend / policy.shop.minor_per_major
            assert shown["features"]["items"] == right.statistics.items
            assert shown["features"]["interactions"] == sum(right.statistics.interactions)
            assert shown["segments"] == {name: held.segment for name, held in ours.segments.items()}
        assert_doctor_names_it(service)
    finally:
        service.close()


def counts(customer: Customer) -> Mapping[str, object]:
    return {name: getattr(customer.statistics, name) for name in COUNTS} | {
        "seen": (customer.first_seen, customer.last_seen),
        "ids": customer.dedupe_window.total,
        "book": len(customer.book.orders),
    }


def features(customer: Customer, at: int, policy: Policy) -> Mapping[str, float]:
    return facts(customer, at, policy.definitions, policy.shop).values


def close(ours: Mapping[str, float], right: Mapping[str, float]) -> bool:
    """Compare up to the order in which floats were added."""
    return ours.keys() == right.keys() and all(
        isclose(ours[name], right[name], rel_tol=1e-9, abs_tol=1e-7)
        or (ours[name] != ours[name] and right[name] != right[name])
        for name in ours
    )


def assert_doctor_names_it(service: LiveService) -> None:
    """Check that ``streamer doctor`` names the kind of client, and the setting to change."""
    command = [sys.executable, "-m", "streamer.cli", "doctor", "--json"]
    ran = subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=60)
    findings = {finding["subject"]: finding for finding in json.loads(ran.stdout)["findings"]}
    assert "CRC32" in findings["producers"]["text"] and "librdkafka" in findings["producers"]["text"]
    assert "partitioner=murmur2_random" in findings["producers"]["hint"]
    assert ran.returncode == 1
