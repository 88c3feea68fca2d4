"""Test every record that once stopped all lanes on real servers: its result, and that everything around it is applied.

``make poison`` prints the table.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from live_service import LiveService
from poison_rows import APPLIED, CONTROL, Row, order, rows

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

LANES = 2


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    settings = {
        "STREAMER_TIMEZONE": "America/New_York",
        "STREAMER_HALF_LIFE_DAYS": "5",
        "STREAMER_MAX_EVENT_BYTES": str(1_048_576),
        "STREAMER_RATES": "KWD=1000",
        "STREAMER_DEADLETTER_RUN": "0",
        "STREAMER_DEADLETTER_RATIO": "1",
    }
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES, **settings) as made:
        yield made


def test_each_row_of_the_table(service: LiveService, capsys: pytest.CaptureFixture[str]) -> None:
    worker = service.start()
    ids = [f"c{number}" for number in range(2_000)]
    ours = [id for id in ids if partition_for(id.encode(), LANES) == 0]
    other = next(id for id in ids if partition_for(id.encode(), LANES) == 1)
    now = time.time_ns() // 1_000_000
    table = rows(now, ours[100:], other)
    options = {"bootstrap.servers": service.connection.bootstrap, "compression.type": "gzip", "linger.ms": 1}
    options |= {"message.max.bytes": 100_000_000, "batch.num.messages": 1}
    producer = Producer(options)
    topic = service.connection.topic(topics.EVENTS)
    wanted: dict[int, set[str]] = {}
    rows_at: list[tuple[Row, list[int]]] = []
    good: list[int] = []

    def send(
        key: bytes | None, value: bytes | None, headers: list[tuple[str, str | bytes | None]] | None = None
    ) -> int:
        """Send a record and return its offset."""
        got: list[int] = []

        def delivered(error: object, message: object) -> None:
            assert error is None, error
            got.append(message.offset())  # type: ignore[attr-defined]

        producer.produce(topic, key=key, value=value, headers=headers, partition=0, on_delivery=delivered)
        sent.append(got)
        return len(sent) - 1

    for number, row in enumerate(table):
        sent: list[list[int]] = []
        customer = ours[number % 50]
        send(customer.encode(), order(f"before-{number}", customer, now))
        for one in row.sent:
            send(one.key, one.value, [*one.headers] or None)
        send(customer.encode(), order(f"after-{number}", customer, now))
        assert producer.flush(60) == 0
        offsets = [got[0] for got in sent]
        good += [offsets[0], offsets[-1]]
        rows_at.append((row, offsets[1:-1]))
        for offset in offsets[1:-2]:
            wanted[offset] = set(row.others.split(" or "))
        wanted[offsets[-2]] = {row.becomes}
    begun = time.monotonic()
    service.wait_until_applied()
    assert worker.poll() is None, service.logs()
    letters: dict[int, str] = {}
    for record in service.records(topics.DEADLETTERS, 0):
        letter = parse_headers(record.headers)
        assert letter.offset not in letters, "a record became two dead letters"
        letters[letter.offset] = letter.reason
    with capsys.disabled():
        print(
            f"\n{len(wanted):,} records in {len(rows_at)} rows, applied {time.monotonic() - begun:.1f} s after the last"
        )
        print(f"{'one record':<62} {'became':<16} worker")
        for row, offsets in rows_at:
            became = letters.get(offsets[-1]) or (CONTROL if row.becomes == CONTROL else APPLIED)
            print(f"{row.name:<62} {became:<16} pid {worker.pid}, records around it applied")
    wrong = {
        row.name: Counter(letters.get(offset, "taken") for offset in offsets)
        for row, offsets in rows_at
        if any(letters.get(offset, "taken") not in {_as_taken(name) for name in wanted[offset]} for offset in offsets)
    }
    assert wrong == {}
    assert not letters.keys() & set(good)
    ledgers = service.ledgers()
    assert all(ledger.unaccounted == 0 and not ledger.imports for ledger in ledgers if ledger.partition == 1)
    assert ledgers[0].dead_letters == dict(Counter(letters.values())) and "poison" not in letters.values()
    assert ledgers[0].duplicates == 0 and ledgers[0].unaccounted == 0
    # Each good record was applied once; the rest is accounted for by reason.
    taken = sum(offset not in letters for offset in wanted) + len(good)
    assert ledgers[0].applied + sum(ledgers[0].control.values()) + ledgers[0].rerouted == taken


def _as_taken(name: str) -> str:
    return "taken" if name in (APPLIED, CONTROL) else name
