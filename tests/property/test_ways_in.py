"""Test that an event sent as CloudEvent or Segment call folds like the bare body, and is rerouted unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from heart_logs import Driver, state_of
from heart_strategies import HERE, POLICY, STEPS, Step, finish, lane_log, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from ways_in import WAYS

from schemas.control import CONTROL_HEADER, REROUTED_HEADER
from schemas.partition import partition_for
from schemas.records import Record

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def rewritten(record: Record, way: str) -> Record:
    """Return the record in another format; control records and invalid events stay unchanged."""
    if record.value is None or any(name == CONTROL_HEADER for name, _ in record.headers):
        return record
    try:
        body: Any = json.loads(record.value)
    except ValueError:
        return record
    if not isinstance(body, dict) or not {"type", "event_id", "customer_id", "occurred_at"} <= body.keys():
        return record
    value, headers = WAYS[way](body)
    return Record(record.partition, record.offset, record.timestamp, record.key, value, (*record.headers, *headers))


def run(records: Sequence[Record]) -> Driver:
    driver = Driver(POLICY)
    driver.feed(records)
    finish(driver, records)
    return driver


@settings(deadline=None, max_examples=60)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_fold_is_the_same_however_an_event_is_sent(steps: list[Step], random: Random) -> None:
    records = lane_log(steps)
    ways = sorted(WAYS)
    usual, other = run(records), run([rewritten(record, random.choice(ways)) for record in records])
    expected, found = summary(usual), summary(other)
    # Rerouted records are unchanged, so they are compared by lane and customer.
    rerouted = [[(one.partition, one.key) for one in driver.rerouted] for driver in (usual, other)]
    assert rerouted[0] == rerouted[1]
    expected.pop("rerouted"), found.pop("rerouted")
    assert found == expected
    for id in HERE:
        if id in usual.parts:
            assert state_of(other.customer(id)) == state_of(usual.customer(id))


@given(st.sampled_from(sorted(WAYS)), st.booleans())
def test_a_misplaced_record_travels_with_its_headers_and_applies_there(way: str, null_key: bool) -> None:
    assert partition_for(b"gus", 2) == 1
    body = {
        "event_id": "e1",
        "type": "order.completed",
        "customer_id": "gus",
        "occurred_at": "2025-03-01T00:00:00Z",
        "order_id": "o1",
        "total": 60.0,
        "currency": "EUR",
    }
    value, headers = WAYS[way](body)
    headers.append(("traceparent", TRACE))
    at = 1_740_787_200_000
    driver = Driver(POLICY)
    driver.feed([Record(0, 0, at, None if null_key else b"gus", value, headers)])
    [sent] = driver.rerouted
    assert (sent.partition, sent.key, sent.value) == (1, b"gus", value)
    assert sent.headers == [*headers, (REROUTED_HEADER, b"0")]
    home = Driver(POLICY, partition=1)
    home.feed([Record(1, 0, at, sent.key, sent.value, sent.headers)])
    assert {change.segmentation for change in home.changes} >= {"value", "lifecycle"}
    assert all(change.trigger and change.trigger.traceparent == TRACE for change in home.changes)
