"""Test a new version of the declared segmentations: who moves, when, and what is published."""

from __future__ import annotations

import pytest
from heart_definitions import HYBRID, OTHER_BORDERS, SLOW
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, check_chain, order, reversal, view
from heart_models import jumpy
from heart_strategies import WALL as TWO_LANES

from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from models.rules.evaluate import facts
from streamer.core.decision import Change
from streamer.core.policy import Policy

WALL = Policy(wall=True)


def shop() -> LogMaker:
    """Return a log in which ann buys three times, bob once and falls silent, and cem only looks; a hundred days pass."""
    log = LogMaker(now=T0)
    for day, who in ((0, "bob"), (0, "ann"), (30, "ann"), (60, "ann")):
        at, tea = T0 + day * DAY, [{"product_id": "p", "category": "tea"}]
        log.event(order(f"{who}{day}", who, at, 60, products=tea), now=at)
    log.event(view("c", "cem", T0 + 60 * DAY), now=T0 + 60 * DAY)
    return log


def edits(driver: Driver) -> list[Change]:
    return [change for change in driver.changes if change.cause == "definition_edit"]


@pytest.fixture(params=["swept at once", "looked at days later", "found by their next record"])
def run(request: pytest.FixtureRequest) -> Driver:
    """Run the log: version 2 with other borders arrives on day 70; afterwards ann buys again."""
    log = shop()
    log.definitions(2, OTHER_BORDERS, now=T0 + 70 * DAY)
    driver = Driver(WALL)
    driver.feed(log.records[:-1])
    driver.feed(log.records[-1:])
    assert driver.state.ledger.behind == 3
    if request.param == "swept at once":
        driver.tick()
        assert driver.state.ledger.behind == 0
    if request.param == "looked at days later":
        driver.tick(T0 + 72 * DAY)
    log.event(order("ann75", "ann", T0 + 75 * DAY, 60), now=T0 + 75 * DAY)
    log.event(order("bob75", "bob", T0 + 75 * DAY, 60), now=T0 + 75 * DAY)
    driver.feed(log.records[-2:])
    driver.tick(T0 + 400 * DAY)
    check_chain(driver.changes)
    return driver


def test_an_edit_moves_each_customer_at_the_instant_of_the_version(run: Driver) -> None:
    clock = T0 + 70 * DAY - 5_000
    found = {(c.customer_id, c.before, c.after): c for c in edits(run)}
    assert set(found) == {("ann", "active", "loyal"), ("bob", "new", "at_risk")}
    for change in found.values():
        assert (change.changed_at, change.version, change.kind, change.trigger) == (clock, 2, "rules", None)
        assert not change.automation_safe
    ann, bob = found["ann", "active", "loyal"], found["bob", "new", "at_risk"]
    assert [(r.feature, r.before, r.after, r.border) for r in ann.reasons] == [("orders", 3.0, 3.0, 2.0)]
    [reason] = bob.reasons
    assert reason.feature == "lateness" and reason.before == reason.after and reason.border == 1.5
    assert run.state.ledger.behind == 0
    assert run.state.ledger.changes["lifecycle"]["definition_edit"] == 2


def test_from_then_on_the_new_version_decides(run: Driver) -> None:
    last = [c for c in run.changes if c.customer_id == "bob" and c.changed_at == T0 + 75 * DAY]
    assert [(c.before, c.after, c.cause, c.version) for c in last if c.segmentation == "lifecycle"] == [
        ("at_risk", "loyal", "event", 2)
    ]
    cadence = (75 + 90) / 3
    fall = next(c for c in run.changes if c.customer_id == "bob" and c.changed_at > T0 + 76 * DAY)
    falls = [c for c in run.changes if c.customer_id == "bob" and c.after == "at_risk"]
    assert fall.cause == "time"
    assert falls[-1].changed_at - (T0 + 75 * DAY) == pytest.approx(1.5 * cadence * DAY, abs=2)


def test_a_version_is_taken_once_and_an_older_one_never() -> None:
    log = shop()
    log.definitions(3, OTHER_BORDERS, now=T0 + 70 * DAY)
    log.definitions(3, SLOW)
    log.definitions(2, SLOW)
    driver = Driver(WALL)
    driver.feed(log.records)
    assert [one.version for one in driver.state.ledger.definitions_versions] == [3]
    assert driver.state.ledger.control == {"control.definitions": 3} and not driver.dead
    # As after a rollback: the text of an older version as a newer one.
    log.definitions(4, DEFAULT_TEXT)
    driver.feed(log.records[-1:])
    driver.tick()
    assert driver.segment("ann") == "active" and driver.segment("bob") == "new"
    back = [(c.customer_id, c.before, c.after, c.version) for c in edits(driver)]
    assert sorted(back) == [
        ("ann", "active", "loyal", 3),
        ("ann", "loyal", "active", 4),
        ("bob", "at_risk", "new", 4),
        ("bob", "new", "at_risk", 3),
    ]


def test_a_body_that_cannot_be_read_is_a_dead_letter() -> None:
    log = shop()
    log.definitions(2, DEFAULT_TEXT.replace("orders >= 4", "orders >= many"))
    driver = Driver(WALL)
    driver.feed(log.records)
    assert [(dead.reason, dead.message) for dead in driver.dead] == [
        ("bad_control", "the body is not a valid segments file")
    ]
    assert driver.state.ledger.definitions_versions == [] and driver.state.ledger.behind == 0


def test_a_segmentation_that_is_gone_ends_and_one_that_comes_begins() -> None:
    log = shop()
    log.definitions(2, SLOW, now=T0 + 70 * DAY)
    log.definitions(
        3,
        DEFAULT_TEXT[: DEFAULT_TEXT.index("[behaviour]")].split("[value]")[0].replace(" and value in (high, top)", ""),
    )
    driver = Driver(WALL)
    driver.feed(log.records)
    driver.tick()
    check_chain(driver.changes)
    ends = [c for c in driver.changes if c.after is None]
    assert {(c.customer_id, c.segmentation, c.version) for c in ends} == {
        (who, "value", 3) for who in ("ann", "bob", "cem")
    }
    assert all([(r.feature, r.before, r.after) for r in c.reasons] == [("definitions", 2.0, 3.0)] for c in ends)
    assert driver.customer("ann").segments.keys() == {"lifecycle"}
    assert driver.state.ledger.sizes["value"] == {}
    assert driver.state.ledger.sizes["lifecycle"] == {"active": 1, "new": 1, "prospect": 1}


def test_nobody_leaves_before_the_dwell_is_over_and_everybody_then() -> None:
    log = LogMaker(now=T0)
    log.definitions(2, SLOW)
    tea = [{"product_id": "p", "category": "tea", "price": 3.0}]
    log.event(order("a", "ann", T0 + HOUR, 30, "o1", products=tea), now=T0 + HOUR)
    log.event(order("b", "ann", T0 + 2 * HOUR, 90, "o2", products=tea), now=T0 + 2 * HOUR)
    log.event(reversal("c", "ann", T0 + 3 * HOUR, "o2"), now=T0 + 3 * HOUR)
    driver = Driver(WALL)
    driver.feed(log.records)
    driver.tick(T0 + 60 * DAY)
    check_chain(driver.changes)
    # On the first day 120 was spent, and the hold ends on the second grid point; by then it is 30 again, and decaying.
    assert driver.story("ann", "value")[:1] == [("some", T0 + HOUR)]
    later = driver.story("ann", "value")[1:]
    assert later and later[0][0] == "low" and later[0][1] > T0 + 30 * DAY
    [new, here, gone] = driver.story("ann", "lifecycle")
    assert (new, here) == (("new", T0 + HOUR), ("here", T0 + 2 * HOUR)), "nobody is held in what is provisional"
    assert gone == ("gone", T0 + HOUR + 40 * DAY)


def test_what_the_dwell_held_back_moves_at_the_grid_point_and_says_why() -> None:
    log = LogMaker(now=T0)
    log.definitions(2, SLOW)
    log.event(order("a", "ann", T0 + HOUR, 30), now=T0 + HOUR)
    log.event(order("b", "ann", T0 + 5 * HOUR, 90), now=T0 + 5 * HOUR)
    driver = Driver(WALL)
    driver.feed(log.records)
    driver.tick(T0 + 3 * DAY)
    [some, top] = [c for c in driver.changes if c.segmentation == "value"]
    assert (some.after, top.after, top.changed_at, top.cause) == ("some", "top", T0 + 2 * DAY, "time")
    assert [(r.feature, r.border) for r in top.reasons] == [("spend_decayed", 90.0)]


def test_an_unknown_or_too_new_customer_is_named_as_such() -> None:
    log = LogMaker(now=T0)
    log.definitions(2, SLOW)
    log.event(view("v", "cem", T0), now=T0)
    log.event(order("a", "ann", T0, 30, products=[{"product_id": "p", "category": "tea", "price": 3.0}]), now=T0)
    driver = Driver(WALL)
    driver.feed(log.records)
    assert driver.segment("cem") == "unknown" and driver.segment("ann") == "new"
    assert driver.segment("cem", "value") == "new"
    driver.tick(T0 + 14 * DAY)
    assert driver.segment("ann") == "here"
    [_, here] = [c for c in driver.changes if c.customer_id == "ann" and c.segmentation == "lifecycle"]
    assert (here.changed_at, here.cause, [r.feature for r in here.reasons]) == (T0 + 14 * DAY, "time", ["age_days"])


def test_a_hybrid_over_clusters_moves_with_them() -> None:
    log = LogMaker(now=T0)
    log.model(jumpy())
    log.definitions(2, HYBRID)
    for day in range(12):
        log.event(view(f"v{day}", "ann", T0 + day * DAY + HOUR), now=T0 + day * DAY + HOUR)
    log.event(order("o", "ann", T0 + 12 * DAY, 30), now=T0 + 12 * DAY)
    driver = Driver(TWO_LANES)
    driver.feed(log.records)
    driver.tick(T0 + 300 * DAY)
    check_chain(driver.changes)
    definitions = load(HYBRID, 2)
    nights = [c for c in driver.changes if c.segmentation == "behaviour"]
    assert len(nights) >= 3
    followed = 0
    for night in nights:
        same = [c for c in driver.changes if c.segmentation == "hybrid" and c.changed_at == night.changed_at]
        for change in same:
            followed += change.cause == night.cause
            assert "behaviour" in {reason.feature for reason in change.reasons}
    assert followed >= 1
    ann = driver.customer("ann")
    now = facts(ann, T0 + 300 * DAY, definitions, TWO_LANES.shop)
    for segmentation in definitions.segmentations:
        assert segmentation.evaluate(ann.segments[segmentation.name].segment, now) == driver.segment(
            "ann", segmentation.name
        )


def test_clusters_switched_off_end_and_come_back_as_they_are_by_then() -> None:
    log = LogMaker(now=T0)
    log.model(jumpy())
    for day in range(6):
        log.event(view(f"v{day}", "ann", T0 + day * DAY + HOUR), now=T0 + day * DAY + HOUR)
    log.definitions(2, DEFAULT_TEXT.replace('kind = "clusters"', 'kind = "clusters"\nactive = false'))
    log.event(order("o", "ann", T0 + 9 * DAY, 30), now=T0 + 9 * DAY)
    log.definitions(3, DEFAULT_TEXT, now=T0 + 60 * DAY)
    driver = Driver(TWO_LANES)
    driver.feed(log.records)
    driver.tick(T0 + 100 * DAY)
    check_chain(driver.changes)
    story = [c for c in driver.changes if c.segmentation == "behaviour"]
    end = next(i for i, c in enumerate(story) if c.after is None)
    assert (story[end].cause, story[end + 1].before, story[end + 1].cause) == (
        "definition_edit",
        None,
        "definition_edit",
    )
    assert story[end].kind == "clusters" and story[end].version == 1
    assert story[end + 1].changed_at == T0 + 60 * DAY - 5_000
    model = jumpy()
    code = driver.state.cache.memory.segment_code(driver.customer("ann").row)
    assert driver.segment("ann", "behaviour") == model.id_of(code)
