"""Test that features declare if an interaction may change them, or rules that name them are not evaluated after one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from heart_logs import DAY, T0, Driver, LogMaker, event, order, reversal, view
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.customer.customer import Customer
from models.customer.statistics import MAX_CATEGORIES
from models.features.context import Feature
from models.features.features import FEATURES, LABELS, Label
from schemas.events import INTERACTIONS
from streamer.core.policy import Policy

EVERYTHING: tuple[Feature | Label, ...] = (*FEATURES.values(), *LABELS.values())
SHOP = Policy().shop

Life = tuple[list[tuple[int, int]], bool]
"""Orders by category and quantity (negative if returned), and whether there is a profile with feedback and messages."""
Step = tuple[str, int | None, int]
"""An interaction: kind, category, days after the last event."""

LIVES = st.tuples(
    st.lists(st.tuples(st.integers(0, 25), st.integers(-4, 9)), max_size=45),
    st.booleans(),
)
STEPS = st.tuples(st.sampled_from(INTERACTIONS), st.none() | st.integers(0, 30), st.integers(-60, 30))
CROWDED: Life = ([*((number, 9) for number in range(MAX_CATEGORIES + 2)), (5, -12)], True)
"""More categories than are stored, and one with a negative amount, which the next new one replaces."""


def lived(life: Life) -> Driver:
    log, (bought, known) = LogMaker(now=T0), life
    log.event(order("first", "ann", T0, 20.0))
    for number, (category, quantity) in enumerate(bought):
        line = {"product_id": "p", "category": f"c{category}", "price": 5.0, "quantity": quantity}
        log.event(order(f"o{number}", "ann", T0 + number, 60.0, products=[line]), now=T0 + number)
    log.event(reversal("r", "ann", T0 + DAY, "o-first", total=3.0), now=T0 + DAY)
    if known:
        traits = {"country": "DE", "birth_year": 1980, "income": 1.0, "signup_at": "2024-01-01T00:00:00Z"}
        log.event(event("profile.updated", "p", "ann", T0 + DAY, traits=traits))
        log.event(event("feedback.submitted", "f", "ann", T0 + DAY, kind="nps", rating=8))
        log.event(event("feedback.submitted", "g", "ann", T0 + DAY, kind="complaint"))
        message = {"message_id": "m", "change_event_id": "c", "outcome": "opened"}
        log.event(event("message.outcome", "m", "ann", T0 + DAY, **message))
    driver = Driver()
    driver.feed(log.records)
    assert not driver.dead
    return driver


def moved(life: Life, step: Step) -> set[str]:
    """Return the features and words whose value one interaction changes, at the instant at which rules are evaluated."""
    driver, (kind, category, days) = lived(life), step
    before = driver.customer("ann")
    at = before.as_of + days * DAY
    judged_at = max(at, before.as_of)
    then = values(before, judged_at)
    log = LogMaker(now=max(judged_at, T0 + DAY))
    more = {} if category is None else {"category": f"c{category}"}
    log.event(view("v", "ann", at, kind, **more))
    driver.feed(log.records)
    after = driver.customer("ann")
    assert after.as_of == judged_at and sum(after.statistics.interactions) == 1
    now = values(after, judged_at)
    return {name for name, value in now.items() if value != then[name]}


def values(customer: Customer, at: int) -> Mapping[str, str]:
    """Return values as text, so that NaN equals itself."""
    return {
        one.name: repr(one.value(customer, at, SHOP) if isinstance(one, Feature) else one.value(customer))
        for one in EVERYTHING
    }


def check(changed: set[str], known: Iterable[Feature | Label]) -> None:
    forgotten = changed - {one.name for one in known if one.moved_by_interactions}
    assert not forgotten, f"moved by an interaction without saying so: {sorted(forgotten)}"


@settings(deadline=None, max_examples=150)
@example(CROWDED, ("cart.added", 29, 1))
@given(LIVES, STEPS)
def test_what_an_interaction_changes_is_marked(life: Life, step: Step) -> None:
    check(moved(life, step), EVERYTHING)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("interactions", ("product.viewed", None, 0)),
        ("age_days", ("page.viewed", None, -40)),
        ("top_share", ("cart.added", 29, 1)),
    ],
)
def test_a_mark_that_is_forgotten_is_found(name: str, step: Step) -> None:
    changed = moved(CROWDED, step)
    assert name in changed
    check(changed, EVERYTHING)
    forgetful = [replace(one, moved_by_interactions=False) if one.name == name else one for one in EVERYTHING]
    with pytest.raises(AssertionError, match=name):
        check(changed, forgetful)
