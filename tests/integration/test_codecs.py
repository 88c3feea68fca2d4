"""Test that records of every client and codec are applied, and that unreadable batches stop no lane."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import wire_batches as wire
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from live_service import LiveService
from publishers import CLIENTS, CODECS, Absent, Line

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.adapters import record_batches, unpack
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

LANES = 2
EACH = 20
MAX_BATCH_BYTES = 4 * 2**20


@pytest.fixture
def service(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveService]:
    # Readers here must reject what the workers reject.
    monkeypatch.setattr(record_batches.LIMIT, "max_batch_bytes", MAX_BATCH_BYTES)
    with LiveService(
        addresses, redis_url, prefix, tmp_path, lanes=LANES, STREAMER_MAX_BATCH_BYTES=str(MAX_BATCH_BYTES)
    ) as made:
        yield made


def event(customer: str, name: str) -> str:
    body = {"type": "product.viewed", "event_id": name, "customer_id": customer, "occurred_at": iso(now())}
    return json.dumps({**body, "category": "shoes", "url": "https://shop.example/shoes" * 4})


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("name", CLIENTS)
def test_every_codec_of_every_client_is_applied(
    service: LiveService, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = service.start()
    folder = tmp_path / name
    folder.mkdir()
    lines: list[Line] = [
        (codec, f"c{number}", event(f"c{number}", f"{codec}-{number}"))
        for codec in ("default", *CODECS)
        for number in range(EACH)
    ]
    try:
        CLIENTS[name](service.connection.bootstrap, service.connection.topic(topics.EVENTS), lines, folder)
    except Absent as absent:
        pytest.skip(f"{name} IS NOT TESTED: {absent}")
    service.wait_until_applied()
    service.wait_until_applied()  # including records rerouted from a wrong partition
    assert worker.poll() is None
    assert sum(ledger.applied for ledger in service.ledgers()) == len(lines)
    assert all(ledger.unaccounted == 0 and not ledger.dead_letters for ledger in service.ledgers())
    assert codecs_in(service, monkeypatch) >= set(CODECS) - {"none"}
    assert service.parity().differences == []


def codecs_in(service: LiveService, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the actual compression of the batches in the input, because a client may choose another."""
    found: set[str] = set()

    def noted(codec: int, data: bytes, limit: int) -> bytes:
        opened = unpack.unpack(codec, data, limit)
        if unpack.CODECS[codec].encode() in opened or b"default" in opened:
            found.add(unpack.CODECS[codec])
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(record_batches, "unpack", noted)
        for lane in range(LANES):
            service.records(topics.EVENTS, lane)
    return found


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_a_bomb_is_one_dead_letter(service: LiveService, codec: str) -> None:
    """Send 50 MB of spaces in a batch of three, between good records: the worker neither dies nor grows."""
    worker = service.start()
    service.publish([_sent("c1", "before")])
    service.wait_until_applied()
    memory = psutil.Process(worker.pid).memory_info().rss
    # Long enough for all three to be in one batch on a slow machine; a flush does not wait for it.
    options = {"compression.type": codec, "linger.ms": 60_000}
    options |= dict.fromkeys(("message.max.bytes", "batch.size"), 100_000_000)
    producer = Producer({"bootstrap.servers": service.connection.bootstrap, **options})
    topic = service.connection.topic(topics.EVENTS)
    for value in (event("c1", "lost-1"), " " * 50_000_000, event("c1", "lost-2")):
        producer.produce(topic, key="c1", value=value, partition=0)
    assert producer.flush(60) == 0
    service.publish([_sent(f"c{number}", f"after-{number}") for number in range(20)])
    service.wait_until_applied()
    assert worker.poll() is None
    assert psutil.Process(worker.pid).memory_info().rss - memory < 8 * MAX_BATCH_BYTES
    ledgers = service.ledgers()
    assert sum(ledger.applied for ledger in ledgers) == 21
    assert sum(ledger.unaccounted for ledger in ledgers) == 0
    assert ledgers[0].dead_letters == {"oversize": 3}
    [letter] = service.records(topics.DEADLETTERS, 0)
    headers = parse_headers(letter.headers)
    assert headers.reason == "oversize" and codec in headers.message
    first = headers.offset - 2
    assert f"offsets {first} to {headers.offset} " in headers.message
    assert 0 < len(letter.value) <= 1_000 and b"lost-1" in letter.value
    assert service.parity().differences == []


def _sent(customer: str, name: str) -> Outgoing:
    return Outgoing(customer.encode(), event(customer, name).encode(), ())


def test_a_header_name_that_is_not_utf8_costs_only_the_header(service: LiveService) -> None:
    worker = service.start()
    names = [f"e{number}" for number in range(5)]
    odd: list[wire.Sent] = [
        (b"c1", event("c1", name).encode(), [(b"\xff\xfe", b"1"), (b"traceparent", b"00")]) for name in names
    ]
    asyncio.run(_produce(service, wire.batch(wire.body(odd), len(odd))))
    service.publish([_sent(f"c{number}", f"after-{number}") for number in range(20)])
    service.wait_until_applied()
    service.wait_until_applied()
    assert worker.poll() is None
    ledgers = service.ledgers()
    assert sum(ledger.applied for ledger in ledgers) == 25
    assert not any(ledger.dead_letters or ledger.unaccounted for ledger in ledgers)
    assert service.parity().differences == []


async def _produce(service: LiveService, batch: bytes) -> None:
    """Write a batch to lane 0, byte for byte."""
    producer = AIOKafkaProducer(bootstrap_servers=service.connection.bootstrap)
    await producer.start()
    try:
        built = producer.create_batch()
        built.append(timestamp=None, key=None, value=b"", headers=[])
        built.close()
        built._buffer = bytearray(batch)
        await (await producer.send_batch(built, service.connection.topic(topics.EVENTS), partition=0))
    finally:
        await producer.stop()


def test_a_batch_that_cannot_be_opened_stops_its_lane_alone(service: LiveService) -> None:
    """The reason names the codec. The other lane continues, and a worker that can open it resumes where this one stopped."""
    worker = service.start(module="codecless_worker")
    service.publish([_sent(f"c{number}", f"before-{number}") for number in range(20)])
    service.wait_until_applied()
    before = sum(ledger.applied for ledger in service.ledgers())
    producer = Producer({"bootstrap.servers": service.connection.bootstrap, "compression.type": "zstd"})
    topic = service.connection.topic(topics.EVENTS)
    for number in range(10):
        producer.produce(topic, key="c1", value=event("c1", f"packed-{number}"), partition=0)
    assert producer.flush(60) == 0
    service.publish([_sent(f"c{number}", f"after-{number}") for number in range(40)])
    other = sum(partition_for(f"c{number}".encode(), LANES) == 1 for number in range(40))
    service.wait(lambda: "compressed with zstd" in service.logs())
    service.wait(lambda: sum(ledger.applied for ledger in service.ledgers()) >= before + other)
    assert worker.poll() is None
    worker.terminate()
    worker.wait(30)
    again = service.start()
    service.wait_until_applied()
    service.wait_until_applied()
    assert again.poll() is None
    assert sum(ledger.applied for ledger in service.ledgers()) == 20 + 10 + 40
    assert not any(ledger.dead_letters or ledger.unaccounted for ledger in service.ledgers())
    assert service.parity().differences == []
