"""Test imports' requests to the model owner: a request counts once all lanes have forwarded it, as does an end."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from schemas.errors import InvariantViolation
from streamer.core.decision import ImportNotice
from streamer.lanes.keys import notice_key
from streamer.owner.import_notices import ImportNotices, LearningRequest

LANES = 3


def take(
    notices: ImportNotices, lane: int, day: int, *, id: str = "i-1", closed: bool = False, customers: int = 10
) -> int:
    return notices.take(notice_key(id, lane), msgspec.json.encode(ImportNotice(id, lane, day, customers, closed)))


@pytest.mark.parametrize("order", list(permutations(range(LANES))))
def test_a_question_is_complete_once_every_lane_has_passed_it_on(order: tuple[int, ...]) -> None:
    notices = ImportNotices(LANES)
    for lane in order:
        assert list(notices.complete()) == []
        assert take(notices, lane, 20, customers=10 + lane) == -1
    [request] = notices.complete()
    assert request == LearningRequest("i-1", 20, 33, tuple(notice_key("i-1", lane) for lane in order))
    assert list(notices.complete()) == [], "it is answered once"


def test_lanes_that_are_at_different_days_are_waited_for() -> None:
    notices = ImportNotices(2)
    take(notices, 0, 20)
    take(notices, 1, 13)
    assert list(notices.complete()) == []
    take(notices, 1, 20)
    assert [request.day for request in notices.complete()] == [20]


def test_a_repeated_question_of_a_lane_counts_once() -> None:
    notices = ImportNotices(2)
    for _ in range(2):
        take(notices, 0, 20, customers=7)
    assert list(notices.complete()) == []
    take(notices, 1, 20, customers=5)
    assert [request.customers for request in notices.complete()] == [12]


def test_imports_do_not_wait_for_each_other() -> None:
    notices = ImportNotices(2)
    take(notices, 0, 20, id="slow")
    take(notices, 0, 9, id="fast")
    take(notices, 1, 9, id="fast")
    assert [(request.import_id, request.day) for request in notices.complete()] == [("fast", 9)]
    take(notices, 1, 20, id="slow")
    assert [(request.import_id, request.day) for request in notices.complete()] == [("slow", 20)]


def test_an_end_in_all_lanes_gives_the_last_day_and_drops_the_open_question() -> None:
    notices = ImportNotices(2)
    take(notices, 0, 20)
    assert take(notices, 0, 25, closed=True) == -1
    assert take(notices, 1, 27, closed=True) == 27
    assert notices.done == [notice_key("i-1", 0), notice_key("i-1", 1)]
    take(notices, 1, 20)
    assert list(notices.complete()) == [], "the other lane's half is gone"


def test_a_deleted_record_says_nothing() -> None:
    notices = ImportNotices(1)
    assert notices.take(notice_key("i-1", 0), None) == -1
    assert list(notices.complete()) == [] and notices.done == []


def test_a_question_that_cannot_be_read_stops_the_owner() -> None:
    with pytest.raises(InvariantViolation, match="request to the model owner cannot be read"):
        ImportNotices(1).take(notice_key("i-1", 0), b"{")
