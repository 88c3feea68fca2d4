"""Test the six customers of the guide's worked example in a shop of twenty, with the exact instants of time's effects.

The other fourteen behave as they like and do not matter.
"""

from __future__ import annotations

from math import ceil
from random import Random

import pytest
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order, reversal, view

from models.customer.decay import weight
from models.rules.defaults import DEFAULTS
from streamer.core.policy import Policy
from streamer.queries.segments import table

HALF_LIFE = 25.0 * DAY


def day(number: float) -> int:
    return T0 + round(number * DAY)


def others() -> list[tuple[int, str, bytes]]:
    """Return what fourteen more customers do on 300 days."""
    random, found = Random(20), []
    for number in range(14):
        who = f"gus{number}"
        for count in range(random.randrange(1, 12)):
            at = day(random.uniform(0, 300))
            id = f"{who}-{count}"
            value = order(id, who, at, random.randrange(5, 900)) if count % 3 else view(id, who, at)
            found.append((at, who, value))
    return found


@pytest.fixture(params=["one look at the end", "a look every day", "a look after every record"])
def run(request: pytest.FixtureRequest) -> Driver:
    happened: list[tuple[int, str, bytes]] = [
        (day(0), "ann", view("a1", "ann", day(0))),
        (day(3), "ann", view("a2", "ann", day(3), "email.clicked")),
        (day(0), "bob", order("b1", "bob", day(0), 30)),
        *((day(d), "cem", order(f"c{d}", "cem", day(d), 60)) for d in (0, 30, 60, 90)),
        *((day(d), "dee", order(f"d{d}", "dee", day(d), 60)) for d in (0, 30, 60, 90, 170)),
        *((day(d), "eve", order(f"e{d}", "eve", day(d), 150)) for d in range(0, 141, 20)),
        (day(0), "fay", order("f1", "fay", day(0), 80, "fay's")),
        (day(0) + HOUR, "fay", reversal("f2", "fay", day(0) + HOUR, "fay's")),
        *others(),
    ]
    log = LogMaker(now=T0)
    for at, _, value in sorted(happened, key=lambda one: one[0]):
        log.event(value, now=at)
    driver = Driver(Policy())
    position = 0
    if request.param == "a look every day":
        for now in range(400):
            batch = [r for r in log.records[position:] if r.timestamp <= day(now)]
            position += len(batch)
            driver.feed(batch)
            driver.tick(day(now) - 10_000)
    elif request.param == "a look after every record":
        for record in log.records:
            driver.feed([record])
            driver.tick()
    else:
        driver.feed(log.records)
    driver.tick(day(400))
    return driver


def test_a_shop_of_twenty_sees_why_it_has_no_clusters(run: Driver) -> None:
    ledger = run.state.ledger
    assert ledger.customers == 20
    assert {change.segmentation for change in run.changes} == {"lifecycle", "value"}
    shown = table(DEFAULTS, None, ledger.sizes)
    assert shown["behaviour"]["segments"] == []
    assert "200 buyers" in shown["behaviour"]["note"] and "no version yet" in shown["behaviour"]["note"]
    for name in ("lifecycle", "value"):
        assert sum(segment["size"] for segment in shown[name]["segments"]) == 20


def test_everybody_is_somewhere_from_the_first_event_on(run: Driver) -> None:
    for id in run.parts:
        for name in ("lifecycle", "value"):
            first = next(c for c in run.changes if c.customer_id == id and c.segmentation == name)
            assert (first.before, first.changed_at) == (None, run.customer(id).first_seen)


def test_ann_only_looks(run: Driver) -> None:
    assert run.story("ann") == [("prospect", day(0))]
    assert run.story("ann", "value") == [("low", day(0))]


def test_bob_buys_once(run: Driver) -> None:
    assert run.story("bob") == [
        ("new", day(0)),
        ("at_risk", day(90)),
        ("hibernating", day(180)),
        ("lost", day(270)),
    ]
    assert run.story("bob", "value") == [("low", day(0))]


def test_cem_becomes_loyal_and_falls_silent(run: Driver) -> None:
    assert run.story("cem") == [
        ("new", day(0)),
        ("active", day(30)),
        ("loyal", day(90)),
        ("at_risk", day(162)),
        ("hibernating", day(234)),
        ("lost", day(306)),
    ]
    assert value_at(run, "cem", day(90)) == "medium"


def test_dee_comes_back(run: Driver) -> None:
    story = run.story("dee")
    assert story[:5] == [
        ("new", day(0)),
        ("active", day(30)),
        ("loyal", day(90)),
        ("at_risk", day(162)),
        ("loyal", day(170)),
    ]
    cadence = (170 + 90) / 6
    assert story[5] == ("at_risk", day(170) + ceil(2 * cadence * DAY))
    assert value_at(run, "dee", day(170)) == "medium"


def test_eve_is_champion_until_time_alone_takes_her_spend_below_the_exit_border(run: Driver) -> None:
    story = run.story("eve")
    weights = [weight(day(d), HALF_LIFE) for d in range(0, 141, 20)]
    spend = sum(15_000 * w for w in weights) / weight(day(140), HALF_LIFE) / 100
    assert spend == pytest.approx(348, abs=0.5)
    fall = next(at for segment, at in story if segment == "loyal" and at > day(140))
    assert (fall - T0) / DAY == pytest.approx(163.8, abs=0.05)
    assert spend * 2 ** (-(fall - day(140)) / HALF_LIFE) < 180 <= spend * 2 ** (-(fall - 1 - day(140)) / HALF_LIFE)
    assert story[:5] == [
        ("new", day(0)),
        ("active", day(20)),
        ("loyal", day(60)),
        ("champion", day(140)),
        ("loyal", fall),
    ]
    assert story[5] == ("at_risk", day(140) + ceil(2 * (140 + 90) / 9 * DAY))
    assert (story[5][1] - T0) / DAY == pytest.approx(191.1, abs=0.05)
    assert value_at(run, "eve", day(140)) == "high"
    assert [at for segment, at in run.story("eve", "value") if segment == "medium" and at > day(140)] == [fall]


def test_fay_takes_it_back_within_the_hour(run: Driver) -> None:
    assert run.story("fay") == [("new", day(0)), ("prospect", day(0) + HOUR)]
    assert run.story("fay", "value") == [("medium", day(0)), ("low", day(0) + HOUR)]


def test_what_time_did_is_of_cause_time_and_what_happened_of_cause_event(run: Driver) -> None:
    silent = {("bob", "lost"), ("cem", "hibernating"), ("eve", "at_risk")}
    for change in run.changes:
        if (change.customer_id, change.after) in silent:
            assert (change.cause, change.trigger) == ("time", None)
        if change.after == "champion":
            assert change.cause == "event" and change.trigger is not None and change.trigger.event_id == "e140"
            assert change.next_move is not None and change.next_move[0] == "loyal"


def value_at(run: Driver, id: str, at: int) -> str | None:
    return [segment for segment, since in run.story(id, "value") if since <= at][-1]
