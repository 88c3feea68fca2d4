"""Test what time alone does to a customer, and in which order: dues of rules, cluster moves, other definitions."""

from __future__ import annotations

import pytest
from heart_definitions import OTHER_BORDERS
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, check_chain, order, view
from heart_models import jumpy

from models.features.time import DayGrid
from streamer.core.ledger import Ledger, ModelEntry
from streamer.core.state import Tick
from streamer.core.timers import timeline_of

GRID = DayGrid()
CLUSTERS = "behaviour"


def buyer(driver: Driver, *, until: int) -> LogMaker:
    """Return a customer who buys every other day for two weeks, and then a record of another one at ``until`` (ms)."""
    log = LogMaker(now=T0)
    for day in range(0, 14, 2):
        log.event(order(f"o{day}", "ann", T0 + day * DAY, 40.0), now=T0 + day * DAY + HOUR)
    log.event(view("other", "bob", until), now=until)
    driver.feed(log.records)
    return log


def test_a_due_is_applied_at_its_own_instant_however_late_somebody_looks() -> None:
    early, late = Driver(), Driver()
    for driver in (early, late):
        buyer(driver, until=T0 + 20 * DAY)
    for day in range(21, 200):
        early.tick(T0 + day * DAY)
    late.tick(T0 + 199 * DAY)
    for driver in (early, late):
        check_chain(driver.changes)
    assert late.story("ann") == early.story("ann")
    by_time = [change for change in late.changes if change.cause == "time" and change.customer_id == "ann"]
    assert by_time and all(T0 + 12 * DAY < change.changed_at < T0 + 199 * DAY for change in by_time)


def test_nobody_who_is_not_due_is_touched() -> None:
    driver = Driver()
    buyer(driver, until=T0 + 20 * DAY)
    due = driver.customer("ann").due
    assert due is not None and due > T0 + 20 * DAY
    assert driver.feed([], Tick(due - 1, ["ann"])).touched == {}
    assert driver.feed([], Tick(due, ["ann"])).touched.keys() == {"ann"}
    assert driver.customer("ann").as_of == due


def test_a_clock_that_is_looked_at_never_goes_back() -> None:
    driver = Driver()
    buyer(driver, until=T0 + 20 * DAY)
    driver.tick(T0 + 30 * DAY)
    driver.tick(T0 + 25 * DAY)
    assert driver.state.ledger.clock == T0 + 30 * DAY


def test_somebody_who_was_erased_is_not_due_any_more() -> None:
    driver = Driver()
    log = buyer(driver, until=T0 + 20 * DAY)
    log.put(b"ann", None)
    driver.feed(log.records[-1:])
    assert driver.feed([], Tick(T0 + 300 * DAY, ["ann"])).touched == {}


def test_the_daily_step_moves_everybody_at_the_grid_point() -> None:
    driver = Driver()
    log = LogMaker(now=T0)
    log.model(jumpy(1))
    for number in range(5):
        for day in range(0, 10, 2):
            at = T0 + day * DAY + number * HOUR
            log.event(order(f"o{number}-{day}", f"c{number}", at, 40.0), now=at)
    driver.feed(log.records)
    decision = driver.tick(T0 + 11 * DAY)
    assert decision.new_day
    moves = [change for change in driver.changes if change.segmentation == CLUSTERS]
    assert {change.customer_id for change in moves} == {f"c{number}" for number in range(5)}
    assert all(change.changed_at == GRID.instant(GRID.day_of(change.changed_at)) for change in moves)
    check_chain(driver.changes)


def test_what_was_due_before_an_edit_happens_by_the_version_before() -> None:
    driver = Driver()
    log = buyer(driver, until=T0 + 20 * DAY)
    due = driver.customer("ann").due
    assert due is not None
    log.event(view("later", "bob", due + 5 * DAY), now=due + 5 * DAY)
    log.definitions(2, OTHER_BORDERS)
    driver.feed(log.records[-2:])
    assert driver.customer("ann").definitions_version == 1 and driver.state.ledger.behind == 1
    driver.tick(due + 6 * DAY)
    own = [change for change in driver.changes if change.customer_id == "ann" and change.changed_at >= due]
    assert [change.version for change in own] == sorted(change.version for change in own)
    assert (own[0].changed_at, own[0].version, own[0].cause) == (due, 1, "time")
    assert driver.customer("ann").definitions_version == 2 and driver.state.ledger.behind == 0


@pytest.mark.parametrize(
    ("clock_id", "days"),
    [
        (None, [(10, 1), (20, 2), (30, 3)]),
        # The second version existed before the import's first day, so the first was never in force for it.
        ("i", [(5, 1), (5, 2), (30, 3)]),
    ],
)
def test_versions_are_in_force_in_their_order_for_every_clock(
    clock_id: str | None, days: list[tuple[int, int]]
) -> None:
    ledger = Ledger.fresh(0)
    ledger.timeline = [ModelEntry(1, 10, {"i": 8}), ModelEntry(2, 20, {"i": 5}), ModelEntry(3, 30, {})]
    models = {version: jumpy(version) for version in (1, 2, 3)}
    assert [(day, model.version) for day, model in timeline_of(ledger, models, clock_id)] == days
