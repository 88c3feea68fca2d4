from __future__ import annotations

import json
from dataclasses import replace

import msgspec
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order, view
from heart_models import jumpy
from heart_strategies import KINDS, lane_log, straight

from models.behaviour.model import ClusterModel
from models.behaviour.panel import decode as decode_panel
from schemas import topics
from schemas.changes import Change, SegmentRef, change_event_id, encode_change
from schemas.deadletters import parse_headers
from schemas.published import CustomerMemberships, SegmentChanged
from schemas.wire_time import iso
from streamer.core import ledger
from streamer.core.decide import decide
from streamer.core.decision import Decision
from streamer.core.decode import DecodedRecord, decode_records
from streamer.core.ledger import ModelEntry
from streamer.core.policy import Policy
from streamer.lanes import encode
from streamer.lanes.keys import LEDGER_KEY, model_named, part_key, split_key
from streamer.lanes.ports import Writes

PLAIN = Policy(lanes=2, panel_target=2)


def a_life() -> Driver:
    """Return a driver that has seen every kind of change, including members as reasons and clusters."""
    steps = [(kind, number % 5, (7 * number) % 41, 1 + (11 * number) % 30) for number, kind in enumerate(KINDS * 12)]
    return straight(lane_log(steps))


def test_every_change_is_what_the_contract_says() -> None:
    driver = a_life()
    wire = encode.wire_changes(driver.changes, driver.state, driver.policy)
    assert len(wire) == len(driver.changes) > 100
    for change, one in zip(driver.changes, wire, strict=True):
        body = encode_change(one, T0)
        received = SegmentChanged.model_validate_json(body)
        assert (received.customer_id, received.seq, received.segmentation) == (
            change.customer_id,
            change.seq,
            change.segmentation,
        )
        assert (received.from_segment.id if received.from_segment else None) == change.before
        assert (received.to_segment.id if received.to_segment else None) == change.after
        assert received.is_initial == (change.before is None) and received.changed_at == change.changed_at
        assert received.event_id == change_event_id(change.customer_id, *change.born, change.seq)
        assert received.model.version == change.version
        assert [reason.feature for reason in received.reasons] == [reason.feature for reason in change.reasons]
    assert {change.cause for change in driver.changes} >= {"event", "time", "backfill", "refit"}
    reasons = [reason for change in driver.changes for reason in change.reasons]
    assert any(isinstance(reason.after, str) for reason in reasons), "another segmentation decided"
    assert any(reason.share is not None and reason.share < 0 for reason in reasons), "something spoke against"


def written(driver: Driver, log: LogMaker, start: int = 0) -> Writes:
    """Return the transaction of the log's records from ``start``."""
    records = log.records[start:]
    decoded_records = decode_records(records, lanes=driver.policy.lanes, local=(), max_event_bytes=262_144)
    decision = decided(driver, decoded_records)
    stored = encode.store(decision, driver.state, driver.policy)
    raw = ledger.dump(driver.state.ledger)
    return encode.writes(decision, stored, raw, driver.state, driver.policy, T0 + 5)


def decided(driver: Driver, decoded_records: list[DecodedRecord]) -> Decision:
    return decide(decoded_records, driver.state, driver.policy)


def test_a_transaction_holds_everything_and_the_ledger_last() -> None:
    log, driver = LogMaker(), Driver(PLAIN)
    log.event(order("e1", "ann", T0, 30.0))
    log.put(b"bob", b"{", [("h", b"1")])
    log.event(view("e2", "gus", T0))
    log.model(jumpy(1))
    out = written(driver, log)
    assert set(out) == {
        *((topic, 0) for topic in (topics.CHANGES, topics.MEMBERSHIPS, topics.DEADLETTERS, topics.PANEL, topics.STATE)),
        (topics.EVENTS, 1),
    }
    changes = [json.loads(write.value or b"") for write in out[topics.CHANGES, 0]]
    assert [(c["segmentation"], c["to"]) for c in changes] == [
        ("value", {"id": "low", "name": "Low"}),
        ("lifecycle", {"id": "new", "name": "New"}),
    ]
    assert all(change["detected_at"] == iso(T0 + 5) for change in changes)
    headers = dict(out[topics.CHANGES, 0][1].headers)
    assert (headers["to"], headers["from"], headers["cause"], headers["automation_safe"]) == (
        b"new",
        b"",
        b"event",
        b"true",
    )
    [member] = out[topics.MEMBERSHIPS, 0]
    assert member.key == b"ann"
    members = CustomerMemberships.model_validate_json(member.value or b"")
    assert {name: held.id for name, held in members.segments.items()} == {"value": "low", "lifecycle": "new"}
    assert members.seq == 2
    [dead] = out[topics.DEADLETTERS, 0]
    assert (dead.key, dead.value) == (b"bob", b"{")
    letter = parse_headers(dead.headers)
    assert (letter.topic, letter.partition, letter.offset, letter.reason, letter.headers) == (
        *(topics.EVENTS, 0, 1, "not_json"),
        (("h", b"1"),),
    )
    [panel] = out[topics.PANEL, 0]
    assert panel.key == b"ann" and decode_panel(panel.value or b"").customer == "ann"
    state = out[topics.STATE, 0]
    assert [write.key for write in state] == [b"ann", b"ann\0o", b"!model:1", LEDGER_KEY]
    assert ClusterModel.from_dict(json.loads(state[2].value or b"")) == jumpy(1)
    assert ledger.load(state[-1].value or b"") == driver.state.ledger


def test_optional_records_are_not_written_by_default() -> None:
    log, driver = LogMaker(), Driver(PLAIN)
    log.event(view("e1", "ann", T0))
    written(driver, log)
    log.event(view("e2", "ann", T0))
    log.event(view("e2", "ann", T0))
    out = written(driver, log, 1)
    assert set(out) == {(topics.PANEL, 0), (topics.STATE, 0)}
    assert [write.key for write in out[topics.STATE, 0]] == [b"ann", LEDGER_KEY]
    log.event(view("e2", "ann", T0))
    assert set(written(driver, log, 3)) == {(topics.STATE, 0)}, "the repeat moves only the ledger"


def test_names_are_those_of_the_version_that_moved_the_customer() -> None:
    """Whether a later version is already known depends on where a batch ends; names must not."""
    log, driver = LogMaker(), Driver(PLAIN)
    log.event(order("e1", "ann", T0 + HOUR, 30.0), now=T0 + HOUR)
    log.model(jumpy(1))
    log.event(order("e2", "bob", T0 + 5 * DAY, 30.0), now=T0 + 5 * DAY)
    log.model(jumpy(2, without=("busy", "looking", "quiet")), now=T0 + 5 * DAY)
    driver.feed(log.records)
    driver.tick(T0 + 5 * DAY + HOUR)
    wire = encode.wire_changes(driver.changes, driver.state, driver.policy)
    clusters = [change for change in wire if change.segmentation == "behaviour"]
    assert clusters and all(change.model.version == 1 for change in clusters)
    for change in clusters:
        assert change.to_segment is not None and change.to_segment.name == change.to_segment.id.title()


def test_a_retired_segment_keeps_the_name_it_had() -> None:
    log, driver = LogMaker(), Driver(PLAIN)
    log.event(order("e1", "ann", T0 + HOUR, 30.0), now=T0 + HOUR)
    log.model(jumpy(1))
    driver.feed(log.records)
    driver.tick(T0 + 5 * DAY)
    held = driver.segment("ann", "behaviour")
    log.model(jumpy(2, without=(held,)), now=T0 + 6 * DAY)
    driver.feed(log.records[2:])
    driver.tick(T0 + 7 * DAY)
    moved = encode.wire_changes(driver.changes, driver.state, driver.policy)[-1]
    assert (moved.segmentation, moved.cause, moved.model.version) == ("behaviour", "refit", 2)
    assert moved.from_segment == SegmentRef(held, held.title())
    assert moved.to_segment is not None and moved.to_segment.name == moved.to_segment.id.title()


def test_the_view_hears_of_closed_imports_and_whose_clock_counts() -> None:
    log, driver = LogMaker(), Driver(PLAIN)
    log.opened("i")
    log.clock("i", T0 - DAY)
    log.event(order("e1", "ann", T0 - DAY, 30.0), import_id="i")
    log.event(order("e2", "bob", T0, 30.0))
    decoded_records = decode_records(log.records, lanes=2, local=(), max_event_bytes=262_144)
    decision = decided(driver, decoded_records)
    stored = encode.store(decision, driver.state, driver.policy)
    assert {id: (one.clock_id, one.born) for id, one in stored.items()} == {"ann": ("i", True), "bob": ("", True)}
    assert stored["ann"].due == driver.customer("ann").due
    update = encode.update(decision, stored, b"l", driver.state, decoded_records)
    assert (update.closed, dict(update.sizes)) == ([], {"value/low": 2, "lifecycle/new": 2})
    log.closed("i")
    log.event(view("e3", "ann", T0))
    decoded_records = decode_records(log.records[4:], lanes=2, local=(), max_event_bytes=262_144)
    decision = decided(driver, decoded_records)
    stored = encode.store(decision, driver.state, driver.policy)
    assert {id: (one.clock_id, one.born) for id, one in stored.items()} == {"ann": ("", False)}
    assert encode.update(decision, stored, b"l", driver.state, decoded_records).closed == ["i"]


def test_keys_of_the_changelog() -> None:
    assert split_key(part_key("ann", "")) == ("ann", "") and split_key(part_key("a!b", "r3")) == ("a!b", "r3")
    assert model_named(b"!model:12") == "12" and model_named(b"ann") is None and model_named(LEDGER_KEY) is None


def test_names_are_in_the_language_in_force_and_ids_are_not() -> None:
    driver = a_life()
    english = encode.wire_changes(driver.changes, driver.state, driver.policy)
    chinese = encode.wire_changes(driver.changes, driver.state, replace(driver.policy, language="zh"))
    named = {one.to_segment for one in chinese if one.to_segment is not None}
    assert SegmentRef("at_risk", "有流失风险") in named and SegmentRef("new", "新客户") in named
    for mine, other in zip(english, chinese, strict=True):
        assert (mine.to_segment and mine.to_segment.id) == (other.to_segment and other.to_segment.id)
        assert replace_names(mine) == replace_names(other)


def replace_names(change: Change) -> Change:
    return msgspec.structs.replace(change, from_segment=None, to_segment=None)


def test_a_membership_names_a_version_that_has_the_segment() -> None:
    """A reader finds the definition under ``segmentation/segment@version`` even if a later version dropped it."""
    log, driver = LogMaker(), Driver(PLAIN)
    log.model(jumpy(1))
    for day in range(6):
        for number in range(3):
            at = T0 + day * DAY + number * HOUR
            log.event(order(f"o{day}-{number}", "ann", at, 30.0), now=at)
    driver.feed(log.records)
    customer = driver.state.cache.customers["ann"]
    held = customer.segments["behaviour"].segment
    driver.state.models[2] = jumpy(2, without=(held,))
    driver.state.ledger.timeline.append(ModelEntry(2, 10**6, {}))
    body = encode.memberships(customer, driver.state.cache.memory, encode.Names(driver.state, PLAIN))
    received = CustomerMemberships.model_validate_json(body or b"").segments["behaviour"]
    assert (received.id, received.version) == (held, 1) and held != "new"
    assert received.name == held.title()
