"""Test the path from a transition to a published change: its number, cause, safety and counters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from heart_definitions import OTHER_BORDERS
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, check_chain, event, order, view
from heart_models import jumpy

from streamer.core import transitions
from streamer.core.context import Context
from streamer.core.decision import Change
from streamer.core.policy import Policy


def played(log: LogMaker, policy: Policy | None = None) -> Driver:
    driver = Driver(policy)
    driver.feed(log.records)
    check_chain(driver.changes)
    return driver


def a_first_order(at: int = T0, now: int = T0) -> Driver:
    log = LogMaker(now=now)
    log.event(order("o", "ann", at, 500.0))
    return played(log)


def test_a_change_names_the_record_that_caused_it_and_counts() -> None:
    driver = a_first_order()
    assert [(c.seq, c.segmentation, c.before, c.after, c.cause) for c in driver.changes] == [
        (1, "value", None, "high", "event"),
        (2, "lifecycle", None, "new", "event"),
    ]
    for change in driver.changes:
        assert change.trigger is not None
        assert (change.trigger.event_id, change.trigger.offset, change.changed_at) == ("o", 0, T0)
        assert change.features["orders"] == 1.0 and change.version == 1
        assert all(value == value for value in change.features.values())
    ledger = driver.state.ledger
    assert ledger.sizes == {"value": {"high": 1}, "lifecycle": {"new": 1}}
    assert ledger.changes == {"value": {"event": 1}, "lifecycle": {"event": 1}}


@pytest.mark.parametrize(("late_ms", "safe"), [(0, True), (HOUR, True), (HOUR + 1, False)])
def test_only_what_is_live_is_safe_for_automation(late_ms: int, safe: bool) -> None:
    changes = a_first_order(at=T0, now=T0 + late_ms).changes
    assert {change.automation_safe for change in changes} == {safe}


def test_sizes_follow_a_customer_from_segment_to_segment() -> None:
    driver = a_first_order()
    driver.tick(T0 + 300 * DAY)
    moved = [change for change in driver.changes if change.before is not None]
    assert moved and all(change.cause == "time" and change.trigger is None for change in moved)
    for name, sizes in driver.state.ledger.sizes.items():
        held = driver.customer("ann").segments[name].segment
        assert {segment: count for segment, count in sizes.items() if count} == {held: 1}


def test_everything_ends_where_consent_ends() -> None:
    driver = a_first_order()
    log = LogMaker(now=T0 + HOUR)
    no = {"personalization": False, "marketing": False, "analytics": False}
    log.put(b"ann", event("consent.updated", "c", "ann", T0 + HOUR, **no))
    seen = len(driver.changes)
    driver.feed([replace(log.records[0], offset=1)])
    ends = driver.changes[seen:]
    assert sorted((change.segmentation, change.after, change.cause) for change in ends) == [
        ("lifecycle", None, "consent"),
        ("value", None, "consent"),
    ]
    assert driver.customer("ann").segments == {}
    assert all(not any(sizes.values()) for sizes in driver.state.ledger.sizes.values())
    check_chain(driver.changes)


def test_a_cluster_move_keeps_the_time_that_rules_are_judged_by() -> None:
    log = LogMaker(now=T0)
    log.model(jumpy(1))
    for day in range(0, 12, 2):
        log.event(order(f"o{day}", "ann", T0 + day * DAY, 40.0), now=T0 + day * DAY)
    driver = played(log)
    before = driver.customer("ann").as_of
    due = driver.customer("ann").due
    driver.tick(T0 + 11 * DAY)
    clusters = [change for change in driver.changes if change.segmentation == transitions.BEHAVIOUR]
    assert clusters and all(change.kind == "clusters" and change.confidence is not None for change in clusters)
    assert due is None or due > T0 + 11 * DAY
    assert driver.customer("ann").as_of == before


def test_an_edit_of_definitions_gives_its_own_reason() -> None:
    driver = a_first_order()
    log = LogMaker(now=T0 + DAY)
    log.event(order("o2", "ann", T0 + DAY, 5.0))
    log.definitions(2, OTHER_BORDERS)
    seen = len(driver.changes)
    driver.feed([replace(record, offset=1 + at) for at, record in enumerate(log.records)])
    driver.tick(T0 + DAY + HOUR)
    edited = [change for change in driver.changes[seen:] if change.cause == "definition_edit"]
    assert edited, "two orders are enough in the other file"
    assert all(change.version == 2 and change.trigger is None and not change.automation_safe for change in edited)
    assert all(change.reasons for change in edited)


def test_the_version_of_a_customer_is_found() -> None:
    driver = a_first_order()
    context = Context(driver.state, driver.policy)
    customer = driver.customer("ann")
    assert transitions.definitions_of(context, customer) is driver.policy.definitions
    log = LogMaker(now=T0 + DAY)
    log.event(view("v", "bob", T0 + DAY))
    log.definitions(3, OTHER_BORDERS)
    driver.feed([replace(record, offset=1 + at) for at, record in enumerate(log.records)])
    context = Context(driver.state, driver.policy)
    assert transitions.definitions_of(context, customer) is driver.policy.definitions
    customer.definitions_version = 3
    assert transitions.definitions_of(context, customer) is driver.state.definitions[3]


def test_a_change_is_frozen() -> None:
    change: Change = a_first_order().changes[0]
    with pytest.raises(AttributeError):
        change.seq = 9  # type: ignore[misc]
