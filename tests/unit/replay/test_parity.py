"""Test that parity finds what was lost, doubled or altered, and compares a lane only at rest."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest
from heart_logs import DAY, T0, LogMaker, order

from schemas.changes import encode_change
from schemas.records import Record
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.replay.parity import NoRest, Parity, decode_change, of_lane, replay

POLICY = Policy(lanes=1)
Published = list[dict[str, Any]]


def log() -> list[Record]:
    """Return a log in which Ann and Bob buy every ten days."""
    maker = LogMaker()
    for number in range(12):
        at = T0 + number * 10 * DAY
        for customer in ("ann", "bob"):
            maker.event(order(f"{customer}{number}", customer, at, 50.0), now=at)
    return maker.records


@pytest.fixture(scope="module")
def lived() -> tuple[list[Record], Ledger, Published]:
    """Return a lane's log, its ledger, and what it published."""
    records = log()
    state, changes = replay(records, 0, POLICY, clock=records[-1].timestamp + 100 * DAY)
    state.ledger.next_offset = records[-1].offset + 1
    published = [dict(decode_change(encode_change(change, T0))) for change in changes]
    assert len(published) > 8
    return records, state.ledger, published


def compared(records: list[Record], ledger: Ledger, published: Published) -> Parity:
    found = of_lane(lambda: ledger, lambda: records, lambda: published, POLICY)
    assert found is not None
    return found


def test_a_lane_that_did_as_its_log_says_shows_no_difference(lived: tuple[list[Record], Ledger, Published]) -> None:
    found = compared(*lived)
    assert (found.differences, found.changes, found.customers) == ([], len(lived[2]), 2)


def lost(published: Published) -> None:
    del published[4]


def doubled(published: Published) -> None:
    published.insert(4, published[4])


def altered(published: Published) -> None:
    published[4]["cause"] = "correction"


def of_nobody(published: Published) -> None:
    published.append({**published[0], "customer_id": "eve"})


@pytest.mark.parametrize(
    ("tamper", "difference_text"),
    [
        (lost, "published seq"),
        (doubled, "published seq"),
        (altered, "cause is"),
        (of_nobody, "eve: 1 change published"),
    ],
)
def test_what_the_log_does_not_give_is_named(
    lived: tuple[list[Record], Ledger, Published], tamper: Callable[[Published], None], difference_text: str
) -> None:
    records, ledger, published = copy.deepcopy(lived)
    tamper(published)
    assert any(difference_text in difference for difference in compared(records, ledger, published).differences)


def test_a_counter_that_is_wrong_is_named(lived: tuple[list[Record], Ledger, Published]) -> None:
    records, ledger, published = copy.deepcopy(lived)
    ledger.orders += 1
    assert compared(records, ledger, published).differences == ["lane 0: orders is 25, the log gives 24"]


def test_what_was_appended_and_not_yet_taken_is_left_aside(lived: tuple[list[Record], Ledger, Published]) -> None:
    records, ledger, published = lived
    maker = LogMaker(records=list(records), now=records[-1].timestamp)
    maker.event(order("cem1", "cem", maker.now, 9.0))
    assert compared(maker.records, ledger, published).differences == []


def test_a_log_without_its_first_records_cannot_be_compared(lived: tuple[list[Record], Ledger, Published]) -> None:
    records, ledger, published = lived
    assert of_lane(lambda: ledger, lambda: records[1:], lambda: published, POLICY) is None


def test_a_lane_that_goes_on_is_read_again_until_it_rests(lived: tuple[list[Record], Ledger, Published]) -> None:
    records, ledger, published = lived
    earlier = copy.deepcopy(ledger)
    earlier.next_offset -= 1
    seen: Iterator[Ledger] = chain([earlier], repeat(ledger))
    shown: Iterator[Published] = chain([published[:3]], repeat(published))
    found = of_lane(lambda: next(seen), lambda: records, lambda: next(shown), POLICY)
    assert found is not None and found.differences == []


def test_a_lane_that_never_rests_is_not_compared(lived: tuple[list[Record], Ledger, Published]) -> None:
    records, ledger, published = copy.deepcopy(lived)

    def going_on() -> Ledger:
        ledger.consumed += 1
        return copy.deepcopy(ledger)

    with pytest.raises(NoRest):
        of_lane(going_on, lambda: records, lambda: published, POLICY)
