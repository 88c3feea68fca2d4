"""The same log gives the same, wherever batches end, however often somebody looks, and whoever leaves memory."""

from __future__ import annotations

from heart_logs import Driver, state_of
from heart_strategies import HERE, STEPS, STOPS, Step, Stop, lane_log, one_by_one, straight, summary, with_stops
from hypothesis import given, settings

from schemas.partition import partition_for


def known(driver: Driver) -> dict[str, object]:
    """All that is known of all customers, with the behaviour row."""
    found = {}
    for id in HERE:
        if id in driver.parts:
            customer = driver.customer(id)
            found[id] = (state_of(customer), driver.state.residents.memory.dump(customer.row))
    return found


def test_the_customers_live_where_the_strategies_say() -> None:
    assert {partition_for(id.encode(), 2) for id in HERE} == {0}
    assert partition_for(b"gus", 2) == 1


@settings(deadline=None, max_examples=150)
@given(STEPS)
def test_one_batch_or_one_record_at_a_time(steps: list[Step]) -> None:
    records = lane_log(steps)
    together, apart = straight(records), one_by_one(records)
    assert summary(apart) == summary(together)
    assert known(apart) == known(together)


@settings(deadline=None, max_examples=250)
@given(STEPS, STOPS)
def test_looks_and_leaving_memory_anywhere(steps: list[Step], stops: list[Stop]) -> None:
    records = lane_log(steps)
    usual, disturbed = straight(records), with_stops(records, stops)
    assert summary(disturbed) == summary(usual)
    assert known(disturbed) == known(usual)
