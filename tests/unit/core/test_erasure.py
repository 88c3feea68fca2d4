"""Test erasing a customer in the core."""

from __future__ import annotations

from dataclasses import replace

import pytest
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, check_chain, event, order, view
from heart_models import jumpy
from heart_strategies import MOODS

from streamer.core.decision import Erased
from streamer.core.erasure import KEPT_MS
from streamer.core.state import Tick
from streamer.lanes.restore import sizes_of

ONE = replace(MOODS, lanes=1)


def erase(log: LogMaker, at: int, number: int = 0) -> None:
    log.event(event("customer.erased", f"x{number}", "ann", at), now=at)


def played(log: LogMaker) -> Driver:
    driver = Driver(ONE)
    driver.feed(log.records)
    check_chain(driver.changes)
    return driver


@pytest.mark.parametrize("null_value", [False, True])
def test_an_erase_ends_all_memberships_and_leaves_no_state(null_value: bool) -> None:
    log = LogMaker()
    log.model(jumpy(1))
    log.event(order("o", "ann", T0 + 2 * DAY, 60.0), now=T0 + 2 * DAY)
    log.event(view("v", "ann", T0 + 5 * DAY), now=T0 + 5 * DAY)
    log.event(view("w", "bob", T0 + 5 * DAY))
    if null_value:
        log.put(b"ann", None)
    else:
        erase(log, T0 + 5 * DAY)
    driver = Driver(ONE)
    driver.feed(log.records[:-1])
    outcome = driver.feed(log.records[-1:])
    check_chain(driver.changes)
    ends = [(c.segmentation, c.after, c.cause, c.automation_safe, c.features) for c in outcome.changes]
    assert ends == [(name, None, "erase", False, {}) for name in ("behaviour", "lifecycle", "mood", "value")]
    assert (outcome.erased, outcome.touched) == ({"ann"}, {})
    assert [(row.customer, row.blob) for row in outcome.panel] == [("ann", b"")]
    assert set(driver.parts) == {"bob"} and set(driver.state.cache.customers) == {"bob"}
    ledger = driver.state.ledger
    assert (ledger.customers, ledger.applied) == (1, 4)
    assert sum(sizes_of(ledger).values()) == 3
    [name] = driver.state.erased
    assert "ann" not in name and ledger.lane != ""


def test_what_is_older_than_an_erase_does_not_bring_anybody_back() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0, 60.0))
    erase(log, T0 + HOUR)
    log.event(order("o", "ann", T0, 60.0), now=T0 + 2 * HOUR)
    log.event(order("late", "ann", T0 + HOUR, 60.0))
    erase(log, T0 + HOUR, 1)
    driver = played(log)
    assert (driver.parts, driver.state.ledger.customers, driver.state.ledger.duplicates) == ({}, 0, 3)


def test_who_comes_back_is_new_with_other_ids_and_old_records_are_still_duplicates() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0, 60.0))
    erase(log, T0 + HOUR)
    back = log.event(order("o2", "ann", T0 + 2 * HOUR, 5.0), now=T0 + 2 * HOUR)
    log.event(order("o", "ann", T0, 60.0), now=T0 + 3 * HOUR)
    driver = played(log)
    ann = driver.customer("ann")
    assert (ann.statistics.orders, ann.statistics.spend, ann.seq, ann.born) == (1, 500, 3, (0, back.offset))
    assert driver.state.ledger.duplicates == 1
    assert {change.born for change in driver.changes[-3:]} == {(0, back.offset)}
    # The same in one batch with the state reloaded in between.
    other = Driver(ONE)
    for record in log.records:
        other.feed([record])
        other.drop(["ann"])
    assert other.customer("ann").statistics.spend == 500 and other.state.ledger.duplicates == 1


def test_an_erased_customer_who_comes_back_by_a_merge_stays_erased_until_then() -> None:
    log = LogMaker()
    erase(log, T0)
    log.event(order("new", "gus", T0 + HOUR, 20.0), now=T0 + HOUR)
    log.event(event("identity.linked", "l", "ann", T0 + 2 * HOUR, anonymous_id="gus"), now=T0 + 2 * HOUR)
    driver = Driver(ONE)
    [merge] = driver.feed(log.records).rerouted
    log.put(merge.key, merge.value, merge.headers)
    log.event(order("old", "ann", T0 - HOUR, 70.0))
    driver.feed(log.records[-2:])
    assert driver.customer("ann").statistics.spend == 2_000 and driver.state.ledger.duplicates == 1


def test_somebody_unknown_can_be_erased_too() -> None:
    log = LogMaker()
    erase(log, T0 + HOUR)
    log.event(order("o", "ann", T0, 60.0))
    driver = played(log)
    assert driver.changes == [] and driver.parts == {}


def test_an_erase_is_remembered_for_thirty_days() -> None:
    log = LogMaker()
    erase(log, T0)
    log.event(view("a", "ann", T0), now=T0 + KEPT_MS)
    log.event(view("b", "ann", T0), now=T0 + KEPT_MS + 1)
    driver = Driver(ONE)
    marks = [list(driver.feed([record]).marks.values()) for record in log.records]
    assert (driver.state.ledger.duplicates, driver.state.ledger.customers) == (1, 1)
    assert marks == [[Erased(T0, T0)], [], []]
    outcome = driver.feed([], Tick(T0 + KEPT_MS + DAY))
    assert list(outcome.marks.values()) == [None] and driver.state.erased == {}


def test_a_key_that_is_no_id_erases_nobody() -> None:
    log = LogMaker()
    log.put(b" a", None)
    log.put(None, None)
    assert [dead.reason for dead in played(log).dead] == ["invalid_field", "unknown_type"]


def test_a_late_erase_covers_all_that_was_folded() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0 + HOUR, 60.0), now=T0 + HOUR)
    log.event(event("customer.erased", "x", "ann", T0))
    log.event(order("o", "ann", T0 + HOUR, 60.0))
    driver = played(log)
    assert driver.parts == {} and driver.state.ledger.duplicates == 1
