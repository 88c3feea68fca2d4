"""Test which record of a failed step is to blame, and in how few steps it is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

import pytest

from schemas.records import LogRecord, Record
from streamer.lanes.narrowing import Narrowing

WHOLE = 8_000
Accuse = Callable[[Collection[LogRecord], set[int]], list[int]]


def nobody(records: Collection[LogRecord], bad: set[int]) -> list[int]:
    return []


def the_first(records: Collection[LogRecord], bad: set[int]) -> list[int]:
    """Return the first faulty record, which is where deciding fails."""
    return [next(record.offset for record in records if record.offset in bad)]


def a_customer(records: Collection[LogRecord], bad: set[int]) -> list[int]:
    """Return the faulty record with the other three of its customer."""
    [poison] = the_first(records, bad)
    return [record.offset for record in records if record.offset % (WHOLE // 4) == poison % (WHOLE // 4)]


def taken(bad: set[int], accuse: Accuse, end: int = WHOLE) -> tuple[set[int], int, int]:
    """Return what became poison, the steps committed, and the records of discarded steps."""
    narrowing, records = Narrowing(), [Record(0, at, 0, None, b"", ()) for at in range(end)]
    found, at, steps, wasted, usual = set[int](), 0, 0, 0, WHOLE
    while at < end:
        step = records[at : at + narrowing.limit(records[at:], usual)]
        left = bad - narrowing.poison.keys()
        if any(record.offset in left for record in step):
            assert narrowing.failed(step, ValueError("x"), accuse(step, left))
            wasted += len(step)
            usual = min(usual, narrowing.careful)
        else:
            found |= narrowing.poison.keys() & {record.offset for record in step}
            steps, at, usual = steps + 1, step[-1].offset + 1, 2 * usual
            narrowing.decided(at)
    return found, steps, wasted


@pytest.mark.parametrize("accuse", [nobody, the_first, a_customer])
@pytest.mark.parametrize("count", [0, 1, 8, 80, 800])
def test_exactly_the_bad_ones_are_found(accuse: Accuse, count: int) -> None:
    bad = set(random.Random(count).sample(range(WHOLE), count))
    found, steps, _ = taken(bad, accuse)
    assert found == bad
    assert count or steps == 1


@pytest.mark.parametrize(
    ("accuse", "bad", "steps", "wasted"),
    [
        (the_first, {5_000}, 3, WHOLE),
        (the_first, {0}, 9, WHOLE),
        # Records 1,000, 3,000, 5,000 and 7,000 are the customer's: halves of four.
        (a_customer, {5_000}, 8, 10_000),
    ],
)
def test_what_a_record_costs_that_is_accused(accuse: Accuse, bad: set[int], steps: int, wasted: int) -> None:
    """Everything before it is known to be good and goes into one step with it; what follows starts small."""
    assert taken(bad, accuse) == (bad, steps, wasted)


def test_many_poison_records_waste_little() -> None:
    """One in a hundred: apart from the first step, some two records in vain for each good one."""
    bad = set(random.Random(3).sample(range(WHOLE), 80))
    _, steps, wasted = taken(bad, the_first)
    assert steps < 2.5 * len(bad) and wasted - WHOLE < 2.2 * WHOLE


def test_a_record_that_fails_as_a_dead_letter_too_ends_the_search() -> None:
    narrowing, record = Narrowing(), Record(0, 7, 0, None, b"", ())
    assert narrowing.failed([record], ValueError("x"))
    assert not narrowing.failed([record], ValueError("x"))
    assert not narrowing.failed([record], ValueError("x"), [7])
    assert not Narrowing().failed([], ValueError("x"))
