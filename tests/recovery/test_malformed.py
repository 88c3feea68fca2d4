"""Test many malformed records among many good ones on a running worker: each becomes one dead letter with its reason.

``MALFORMED=10000`` sends that many among ten times as many good ones.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_service import LiveService
from poison_rows import order

from schemas import topics
from schemas.codec import decode
from schemas.deadletters import REASONS, parse_headers
from schemas.errors import InvalidEvent
from streamer.config.settings import Settings
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

MALFORMED = int(os.environ.get("MALFORMED", "500"))
EACH = 10
LANES = 2
READING = Settings().policy(LANES).reading


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES) as made:
        yield made


def malformed(chooser: random.Random, number: int, now: int) -> bytes:
    """Return a customer's order with a fault, and with its number in it."""
    good = order(f"bad-{number}", f"c{number % 900}", now)
    body = json.loads(good)
    kind = chooser.randrange(8)
    if kind == 0:
        return good[: chooser.randrange(1, len(good) - 1)]
    if kind == 1:
        return good.replace(b'"total"', b'"t\xffotal"')
    if kind == 2:
        return b'{"a":' * chooser.randrange(200, 5_000)
    if kind == 3:
        return json.dumps(body | {"type": f"order.{number}"}).encode()
    field = chooser.choice(("event_id", "customer_id", "occurred_at", "order_id", "total", "currency"))
    if kind == 4:
        del body[field]
        return json.dumps(body).encode()
    odd: list[object] = [None, [], {}, True, "", "\0", -(10**400), 1e300, "2024-02-30T00:00:00Z", "x" * 5_000]
    return json.dumps(body | {field: chooser.choice(odd)}).encode()


def reason_of(value: bytes, key: bytes) -> str | None:
    """Return why a body is rejected with default settings; None if it can be read after all."""
    try:
        decode(key, value, reading=READING)
    except InvalidEvent as error:
        return error.reason
    return None


def test_each_malformed_record_is_one_dead_letter_among_ten_good_ones(service: LiveService) -> None:
    worker = service.start()
    chooser, now = random.Random(7), time.time_ns() // 1_000_000
    records: list[Outgoing] = []
    bad: Counter[bytes] = Counter()
    number = good = 0
    while sum(bad.values()) < MALFORMED:
        for _ in range(EACH):
            id = f"c{good % 900}"
            records.append(Outgoing(id.encode(), order(f"good-{good}", id, now), ()))
            good += 1
        value, key = malformed(chooser, number, now), f"c{number % 900}".encode()
        number += 1
        if reason_of(value, key) is not None:
            bad[value] += 1
            records.append(Outgoing(key, value, ()))
    service.publish(records)
    service.wait_until_applied(300)
    assert worker.poll() is None
    ledgers = service.ledgers()
    assert sum(ledger.applied for ledger in ledgers) == good
    assert all(ledger.unaccounted == 0 and ledger.duplicates == 0 for ledger in ledgers)
    letters = [record for lane in range(LANES) for record in service.records(topics.DEADLETTERS, lane)]
    assert Counter(record.value for record in letters) == bad, "the bytes are those received, each once"
    found = [(record.value, parse_headers(record.headers)) for record in letters]
    assert len({(letter.partition, letter.offset) for _, letter in found}) == MALFORMED
    expected = {record.value: reason_of(record.value or b"", record.key or b"") for record in letters}
    assert Counter((letter.reason, expected[value]) for value, letter in found) == Counter(
        (reason, reason) for reason in (expected[record.value] for record in letters)
    )
    assert {letter.reason for _, letter in found} < REASONS
    assert "poison" not in {letter.reason for _, letter in found}
