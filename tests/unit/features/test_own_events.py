"""Test events by name in conditions: counts, recencies, and the exact instant at which inactivity changes them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from heart_lanes_many import Lanes
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, event, order, state_of, view

from models.features.features import feature_of
from models.features.own_events import counted_event, written
from models.rules.conditions import Compare, Negation
from models.rules.declared import load
from models.rules.expressions import ExpressionError, Known, parse
from schemas.errors import UserError
from streamer.core.ledger import MAX_TRACKED, OTHERS, Ledger, tracked_name
from streamer.core.policy import Policy

TRIAL = """
[trial]
kind = "rules"
rules = [
    { segment = "stale", when = 'days_since("Subscription Started") >= 30.5 exit 20' },
    { segment = "eager", when = 'did("Subscription Started") and count("product.viewed") >= 2' },
    { segment = "trying", when = 'did("Subscription Started")' },
    { segment = "none" },
]
[trial.segments]
stale = {}
eager = {}
trying = {}
none = {}

[calls]
kind = "bands"
feature = 'count("Support Called")'
bands = [ { segment = "few" }, { segment = "many", from = 3 } ]
[calls.segments]
few = {}
many = {}
"""
POLICY = replace(Policy(), definitions=load(TRIAL, 1), lanes=1)


def tracked(name: str, number: int, at: int, customer: str = "ann") -> bytes:
    return event("event.tracked", f"t{number}", customer, at, name=name)


def played(*bodies: bytes, policy: Policy = POLICY) -> Driver:
    log = LogMaker()
    for body in bodies:
        log.event(body, now=T0 + 90 * DAY)
    driver = Driver(policy)
    driver.feed(log.records)
    return driver


def test_an_event_of_the_shops_own_moves_at_once_and_its_silence_at_the_millisecond() -> None:
    log = LogMaker()
    at = T0 + 1_234
    log.event(view("v", "ann", T0))
    log.event(tracked("Subscription Started", 1, at), now=at)
    driver = Driver(POLICY)
    driver.feed(log.records)
    turns = at + round(30.5 * DAY)
    assert driver.customer("ann").due == turns
    driver.tick(turns - 1)
    assert driver.segment("ann", "trial") == "trying"
    driver.tick(turns)
    last = driver.changes[-1]
    assert (last.segmentation, last.after, last.cause, last.changed_at) == ("trial", "stale", "time", turns)
    assert [(one.feature, one.after) for one in last.reasons] == [('days_since("Subscription Started")', 30.5)]
    log.event(tracked("Subscription Started", 2, turns + DAY), now=turns + DAY)
    driver.feed(log.records[-1:])
    assert driver.segment("ann", "trial") == "trying"


def test_silence_is_where_asking_at_every_hour_finds_it() -> None:
    random = Random(5)
    for _ in range(30):
        times = sorted(T0 + random.randrange(60 * DAY) for _ in range(random.randrange(1, 5)))
        driver, log = Driver(POLICY), LogMaker()
        for number, at in enumerate(times):
            log.event(tracked("Subscription Started", number, at), now=at)
        driver.feed(log.records)
        driver.tick(T0 + 120 * DAY)
        story = {at: segment for segment, at in driver.story("ann", "trial")}
        for at in range(times[0], T0 + 120 * DAY, HOUR):
            shown = story[max(moved for moved in story if moved <= at)]
            last = max(one for one in times if one <= at)
            assert shown == ("stale" if at - last >= 30.5 * DAY else "trying")


def test_the_order_of_arrival_does_not_matter_and_a_restore_changes_nothing() -> None:
    bodies = [tracked("Support Called", n, T0 + n * DAY) for n in range(3)] + [view("v", "ann", T0 + DAY)]
    found = []
    for some in permutations(bodies):
        driver = played(*some)
        first = state_of(driver.customer("ann"))
        driver.drop(["ann"])
        assert state_of(driver.customer("ann")) == first
        customer = driver.customer("ann")
        counts = [
            feature_of(written("count", name)).value(customer, T0, POLICY.shop) for name in ("Support Called", "x")
        ]
        found.append((counts, driver.segment("ann", "calls"), customer.profile and customer.profile.tracked))
    assert all(one == found[0] for one in found) and found[0][:2] == ([3.0, 0.0], "many")


def test_two_ids_of_a_customer_count_together() -> None:
    lanes = Lanes(replace(POLICY, lanes=2))
    lanes.event(tracked("Support Called", 1, T0, "gus"))
    lanes.event(tracked("Support Called", 3, T0 + HOUR))
    lanes.event(tracked("Support Called", 2, T0 + DAY, "gus"))
    lanes.event(event("identity.linked", "l", "ann", T0 + 2 * DAY, anonymous_id="gus"))
    lanes.settle()
    ann = lanes.customer("ann")
    assert ann.segments["calls"].segment == "many"
    assert feature_of('days_since("Support Called")').value(ann, T0 + 3 * DAY, POLICY.shop) == 2


def test_what_is_erased_is_not_counted() -> None:
    driver = played(tracked("Support Called", 1, T0), event("customer.erased", "e", "ann", T0 + DAY))
    assert "ann" not in driver.parts


def test_names_that_a_rule_asks_for_are_always_counted_apart() -> None:
    bodies = [tracked(f"name {number}", number, T0 + number) for number in range(MAX_TRACKED + 5)]
    driver = played(*bodies, tracked("Support Called", 99, T0 + DAY))
    profile = driver.customer("ann").profile
    assert profile is not None and profile.tracked["Support Called"].count == 1
    assert profile.tracked[OTHERS].count == 5 and len(profile.tracked) == MAX_TRACKED + 2
    ledger = Ledger.fresh(0)
    assert {tracked_name(ledger, f"n{number}") for number in range(60)} == {*(f"n{n}" for n in range(50)), OTHERS}


def test_one_name_in_two_forms_of_unicode_is_one() -> None:
    driver = played(tracked("Cafe\u0301", 1, T0), tracked("Caf\u00e9", 2, T0))
    assert feature_of(written("count", "Cafe\u0301")).value(driver.customer("ann"), T0, POLICY.shop) == 2


@pytest.mark.parametrize("name", ["Order Completd", "order.completed", "product viewed"])
def test_a_misspelt_type_is_no_event_of_the_shops_own(name: str) -> None:
    driver = played(order("o", "ann", T0, 10.0), tracked(name, 1, T0))
    (dead,) = driver.dead
    assert dead.reason == "unknown_type" and "did you mean " in dead.message
    assert driver.customer("ann").profile is None


KNOWN = Known(frozenset({"orders"}), {"count": None})


def test_what_conditions_over_events_mean() -> None:
    needed = Compare('count("Signed Up")', ">=", 1.0, 1.0)
    assert parse('did("Signed Up")', KNOWN) == needed
    assert parse("not did('Signed Up')", KNOWN) == Negation(needed)
    assert parse('days_since("Signed Up") >= 3 exit 2', KNOWN) == Compare('days_since("Signed Up")', ">=", 3.0, 2.0)
    assert parse("did('say \"hi\"')", KNOWN) == Compare("count('say \"hi\"')", ">=", 1.0, 1.0)
    assert counted_event("count('say \"hi\"')") == 'say "hi"'
    # A segmentation may have had this name before.
    assert parse("count in (a)", KNOWN) == parse("count is a", KNOWN)


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ('did("Order Completd")', 4, "too near to order.completed", "did you mean order.completed? ask orders"),
        ('days_since("order.completed") > 3', 11, "does not hold when last", "ask recency_days"),
        ('count("Product View") > 3', 6, "too near to product.viewed", 'ask count("product.viewed")'),
        ('days_since("email.opened") > 3', 11, "does not hold when last", "docs/segmentations.md"),
        ("did(signed)", 4, "the event name is missing", 'did("Signed Up")'),
        ('did("")', 4, "is empty", "Signed Up"),
        ('days_since("Signed Up")', 23, "a comparison of days_since", ""),
        ('did("Signed Up"', 15, "expected ')'", ""),
    ],
)
def test_a_mistake_is_reported(text: str, at: int, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, KNOWN)
    assert caught.value.position == at and message in caught.value.message and hint in caught.value.hint


def test_bands_over_a_misspelt_type_are_refused() -> None:
    with pytest.raises(UserError, match=r"too near to order\.completed"):
        load(TRIAL.replace("Support Called", "Order Completed!"), 1)


def test_only_features_that_an_interaction_moves_are_evaluated_after_one() -> None:
    assert feature_of('count("product.viewed")').moved_by_interactions
    assert feature_of('days_since("checkout.started")').moved_by_interactions
    assert not feature_of('count("Signed Up")').moved_by_interactions
