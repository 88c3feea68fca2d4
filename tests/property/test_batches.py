"""Test that a log yields the same result for any batch borders, any evaluations and any evictions from memory."""

from __future__ import annotations

from random import Random

from heart_logs import Driver, state_of
from heart_strategies import (
    HERE,
    KINDS,
    POLICY,
    STEPS,
    STOPS,
    WALL,
    Step,
    Stop,
    answered,
    lane_log,
    one_by_one,
    straight,
    summary,
    with_stops,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.partition import partition_for
from streamer.core.policy import Policy


def known(driver: Driver) -> dict[str, object]:
    """Return everything known about all customers, including the behaviour row."""
    found: dict[str, object] = {}
    for id in HERE:
        if id in driver.parts:
            customer = driver.customer(id)
            memory = driver.state.cache.memory
            found[id] = (state_of(customer), memory.dump(customer.row) if customer.is_segmentable else b"")
    return found


def test_the_customers_live_where_the_strategies_say() -> None:
    assert {partition_for(id.encode(), 2) for id in HERE} == {0}
    assert partition_for(b"gus", 2) == 1


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_one_batch_or_one_record_at_a_time(steps: list[Step]) -> None:
    records = answered(lane_log(steps, own=True))
    together, apart = straight(records), one_by_one(records)
    assert summary(apart) == summary(together)
    assert known(apart) == known(together)


@settings(deadline=None, max_examples=100)
@given(STEPS, STOPS, st.sampled_from([POLICY, WALL]))
def test_looks_and_leaving_memory_anywhere(steps: list[Step], stops: list[Stop], policy: Policy) -> None:
    records = answered(lane_log(steps, own=True))
    usual, disturbed = straight(records, policy), with_stops(records, stops, policy)
    assert summary(disturbed) == summary(usual)
    assert known(disturbed) == known(usual)


def test_a_long_life_of_everybody() -> None:
    """A fixed log of hundreds of steps with everything that can happen; few Hypothesis examples are as long."""
    random = Random(12)

    def some() -> frozenset[int]:
        return frozenset(random.sample(range(5), 2))

    def step() -> Step:
        return random.choice(KINDS), random.randrange(5), random.randrange(41), random.randrange(1, 31)

    records = answered(lane_log([step() for _ in range(600)], own=True))
    usual = straight(records)
    stops = [Stop(random.randrange(500), some(), random.randrange(101), some()) for _ in range(100)]
    for other in (one_by_one(records), with_stops(records, stops)):
        assert summary(other) == summary(usual)
        assert known(other) == known(usual)
    ledger = usual.state.ledger
    causes = {cause for found in ledger.changes.values() for cause in found}
    assert causes == {
        "event",
        "time",
        "late",
        "backfill",
        "refit",
        "definition_edit",
        "profile",
        "consent",
        "erase",
        "merge",
    }
    reasons = {"not_json", "invalid_field", "unknown_currency", "too_early", "too_late", "bad_control"}
    assert set(ledger.dead_letters) >= reasons
    assert ledger.duplicates and ledger.rerouted and len(ledger.timeline) > 5
