"""Test the main job on real servers: events in, features in the view, changes out, bad input aside."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from schemas import topics
from schemas.deadletters import parse_headers
from schemas.wire_time import iso
from streamer.embedded import Addresses, Services
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

pytestmark = pytest.mark.integration


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path)
    yield service
    service.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def order(customer: str, number: int, **fields: object) -> Outgoing:
    """Return a live order of a moment ago."""
    body = {
        "type": "order.completed",
        "event_id": f"{customer}-{number}",
        "customer_id": customer,
        "occurred_at": iso(now_ms()),
        "order_id": f"o-{customer}-{number}",
        "total": 60.0,
        "currency": "EUR",
        **fields,
    }
    return Outgoing(str(body["customer_id"]).encode(), json.dumps(body).encode(), ())


def history(customers: int = 150, days: int = 60) -> Iterator[Outgoing]:
    shop = Shop(
        ShopConfig(customers=customers, days=days, start=now_ms() - (days + 1) * DAY_MS, late=0.02, duplicates=0.02)
    )
    return import_records(shop, "history", DayGrid(), latest=now_ms())


def test_an_order_becomes_changes_and_a_document(service: LiveService) -> None:
    service.start()
    service.publish([order("ann", 1)])
    service.wait_until_applied()
    changes = service.changes()
    assert [(c["segmentation"], c["from"], c["to"]["id"]) for c in changes] == [
        ("value", None, "medium"),
        ("lifecycle", None, "new"),
    ]
    assert all(change["automation_safe"] and change["cause"] == "event" for change in changes)
    raw = service.document("ann")
    assert raw is not None
    document = json.loads(raw)
    assert document["segments"] == {"value": "medium", "lifecycle": "new"}
    assert document["features"]["spend"] == 60.0
    members = [r for lane in range(4) for r in service.records(topics.MEMBERSHIPS, lane)]
    assert json.loads(members[-1].value)["segments"]["lifecycle"]["id"] == "new"


def test_bad_input_is_set_aside_with_its_reason_and_good_input_applies(service: LiveService) -> None:
    service.start()
    bad = {
        "not_json": [b"\xff\xfe", b"{", b"[1, 2"],
        "oversize": [b'{"type": "order.completed", "x": "' + b"y" * 300_000 + b'"}'],
        "unknown_type": [order("eve", 1, type="order.imagined").value],
        "invalid_field": [
            json.dumps({"type": "order.completed", "customer_id": "eve"}).encode(),
            order("eve", 2).value.replace(b"60.0", b"NaN"),
            order("eve\0x", 4).value,
        ],
        "key_mismatch": [order("somebody-else", 5).value],
        "unknown_currency": [order("eve", 6, currency="ZZZ").value],
        "too_early": [order("eve", 7, occurred_at="9999-01-01T00:00:00Z").value],
        "too_late": [order("eve", 8, occurred_at="2001-01-01T00:00:00Z").value],
        "bad_control": [json.dumps({"type": "control.clock", "import_id": "x", "at": "2020-01-01T00:00:00Z"}).encode()],
    }
    records = [Outgoing(b"eve", value, ()) for values in bad.values() for value in values]
    mixed = [item for number, record in enumerate(records) for item in (record, order("eve", 100 + number))]
    # An invalid optional field loses that field, not the order.
    kindly = order("eve", 3, products=[{"product_id": "p", "price": -1.0, "quantity": 1}])
    service.publish([*mixed, kindly])
    service.wait_until_applied()
    found: Counter[str] = Counter()
    for lane in range(service.lanes):
        for letter in service.records(topics.DEADLETTERS, lane):
            found[parse_headers(letter.headers).reason] += 1
            assert letter.value in {record.value for record in records}
    assert found == {reason: len(values) for reason, values in bad.items()}
    assert sum(ledger.applied for ledger in service.ledgers()) == len(records) + 1
    assert sum((Counter(ledger.fields_ignored) for ledger in service.ledgers()), Counter()) == {"products.price": 1}
    assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0
    assert service.parity().differences[:10] == []


def test_a_null_value_without_a_key_is_an_unknown_type(service: LiveService) -> None:
    service.start()
    # Python's own clients refuse to send it.
    producer = Producer({"bootstrap.servers": service.connection.bootstrap})
    producer.produce(service.connection.topic(topics.EVENTS), key=None, value=None)
    assert producer.flush(20) == 0
    service.publish([order("eve", 1)])
    service.wait_until_applied()
    assert sum((Counter(ledger.dead_letters) for ledger in service.ledgers()), Counter()) == {"unknown_type": 1}


def test_a_wiped_view_is_restored_while_running(service: LiveService) -> None:
    service.start()
    records = list(history())
    half = len(records) // 2
    service.publish(records[:half])
    service.wait_until_applied()
    before = service.document("c000001") or service.document("c000002")
    assert before is not None
    service.wipe_view()
    service.publish(records[half:], pause_every=200)
    service.wait_until_applied()
    service.wipe_view()
    # Nothing arrives any more: the idle lanes advance on their own.
    service.wait_until_applied()
    assert service.parity().differences[:10] == []
    assert service.document("c000001") or service.document("c000002")
    restores = service.logged(service.workers[0], "restored a lane")
    assert len(restores) >= 3 * service.lanes
    assert sum(line["customers"] for line in restores) > service.ledgers()[0].customers
    assert all(line["seconds"] > 0 for line in restores)


def test_records_of_another_partitioner_are_rerouted(service: LiveService) -> None:
    service.start()

    def crc32(key: bytes, lanes: int) -> int:
        return zlib.crc32(key) % lanes

    service.publish(history(), partitioner=crc32)
    service.wait_until_applied()
    service.wait_until_applied()
    ledgers = service.ledgers()
    assert sum(ledger.rerouted for ledger in ledgers) > 500
    assert service.parity().differences[:10] == []
    events = [r for lane in range(4) for r in service.records(topics.EVENTS, lane)]
    written = sum(1 for r in events if not any(name.startswith("streamer-rerouted") for name, _ in r.headers))
    assert sum(ledger.consumed for ledger in ledgers) == written + sum(ledger.rerouted for ledger in ledgers)


def test_the_same_input_again_changes_nothing(service: LiveService) -> None:
    service.start()
    # Live records, because history would be judged by time, which advances in between.
    records = [order(f"c{number % 40}", number) for number in range(400)]
    service.publish(records)
    service.wait_until_applied()
    changes = len(service.changes())
    service.workers[-1].terminate()
    assert service.workers[-1].wait(60) == 0
    service.start()
    service.publish(records)
    service.wait_until_applied()
    assert len(service.changes()) == changes
    assert sum(ledger.duplicates for ledger in service.ledgers()) == len(records)
    assert service.parity().differences[:10] == []


def test_batches_that_get_lost_are_read_again(service: LiveService) -> None:
    service.start(module="dropping_worker")
    service.wait(lambda: "lane assignment changed" in service.logs())
    service.publish(history(), pause_every=50)
    # The last batch may be among the lost ones, and only a later one reveals the hole.
    rounds = range(60)
    for number in rounds:
        service.publish([order(f"late{number}-{customer}", 1) for customer in range(20)])
        if service.applied_within(2):
            break
    assert number < rounds[-1], service.logs()
    assert "found a gap in fetched records" in service.logs()
    assert service.parity().differences[:10] == []


def test_a_lost_consumer_group_costs_nothing(service: LiveService, services: Services) -> None:
    service.start()
    records = list(history())
    half = len(records) // 2
    service.publish(records[:half])
    service.wait_until_applied()
    service.workers[-1].terminate()
    service.workers[-1].wait(60)
    group = topics.full_name("streamer", service.prefix)
    admin = KafkaAdminClient(bootstrap_servers=services.addresses.kafka)
    try:
        admin.delete_groups([group])
    finally:
        admin.close()
    service.start()
    service.publish(records[half:])
    service.wait_until_applied()
    assert service.parity().differences[:10] == []
