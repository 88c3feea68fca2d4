"""Test CloudEvents, Segment calls and traces through the real servers, on the wrong partition too."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from live_service import LiveService
from ways_in import WAYS

from schemas import topics
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration


def trace(number: int) -> bytes:
    return b"00-%032x-%016x-01" % (number, number)


def test_each_way_in_gives_the_same_change_with_its_trace(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    service = LiveService(addresses, redis_url, prefix, tmp_path)
    try:
        records = []
        customers = {way: f"by-{way}" for way in sorted(WAYS)}
        for number, (way, customer) in enumerate(customers.items(), 1):
            body = {
                "event_id": f"e-{customer}",
                "type": "order.completed",
                "customer_id": customer,
                "occurred_at": iso(time.time_ns() // 1_000_000),
                "order_id": f"o-{customer}",
                "total": 60.0,
                "currency": "EUR",
            }
            value, headers = WAYS[way](body)
            records.append(Outgoing(customer.encode(), value, (*headers, ("traceparent", trace(number)))))
            value, headers = WAYS[way]({**body, "event_id": f"bad-{customer}", "total": -1e13})
            records.append(Outgoing(customer.encode(), value, (*headers, ("traceparent", trace(100 + number)))))
        service.start()
        # Each on a partition that is not its own.
        service.publish(records, partitioner=lambda key, lanes: (partition_for(key, lanes) + 1) % lanes)
        service.wait_until_applied()
        service.wait_until_applied()
        assert sum(ledger.rerouted for ledger in service.ledgers()) == len(WAYS)
        moved = [record for lane in range(service.lanes) for record in service.records(topics.CHANGES, lane)]
        for number, customer in enumerate(customers.values(), 1):
            own = [(json.loads(r.value), dict(r.headers)) for r in moved if r.key == customer.encode()]
            assert {change["segmentation"] for change, _ in own} == {"value", "lifecycle"}
            for change, headers_of in own:
                assert headers_of["traceparent"] == headers_of["ce_traceparent"] == trace(number)
                assert headers_of["ce_id"] == change["event_id"].encode()
                assert headers_of["ce_specversion"] == b"1.0" and headers_of["ce_subject"] == customer.encode()
        letters = [r for lane in range(service.lanes) for r in service.records(topics.DEADLETTERS, lane)]
        assert {dict(letter.headers)["traceparent"] for letter in letters} == {
            trace(100 + number) for number in range(1, len(WAYS) + 1)
        }
        assert service.parity().differences == []
    finally:
        service.close()
