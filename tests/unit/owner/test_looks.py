"""What imports ask of the model owner: a question counts once all lanes have passed it on, and an end once in all lanes."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from schemas.errors import InvariantViolation
from streamer.core.decision import Look
from streamer.lanes.keys import look_key
from streamer.owner.looks import LearningRequest, Looks

LANES = 3


def take(looks: Looks, lane: int, day: int, *, id: str = "i-1", closed: bool = False, customers: int = 10) -> int:
    return looks.take(look_key(id, lane), msgspec.json.encode(Look(id, lane, day, customers, closed)))


@pytest.mark.parametrize("order", list(permutations(range(LANES))))
def test_a_question_is_complete_once_every_lane_has_passed_it_on(order: tuple[int, ...]) -> None:
    looks = Looks(LANES)
    for lane in order:
        assert list(looks.complete()) == []
        assert take(looks, lane, 20, customers=10 + lane) == -1
    [request] = looks.complete()
    assert request == LearningRequest("i-1", 20, 33, tuple(look_key("i-1", lane) for lane in order))
    assert list(looks.complete()) == [], "it is answered once"


def test_lanes_that_are_at_different_days_are_waited_for() -> None:
    looks = Looks(2)
    take(looks, 0, 20)
    take(looks, 1, 13)
    assert list(looks.complete()) == []
    take(looks, 1, 20)
    assert [request.day for request in looks.complete()] == [20]


def test_a_repeated_question_of_a_lane_counts_once() -> None:
    looks = Looks(2)
    for _ in range(2):
        take(looks, 0, 20, customers=7)
    assert list(looks.complete()) == []
    take(looks, 1, 20, customers=5)
    assert [request.customers for request in looks.complete()] == [12]


def test_imports_do_not_wait_for_each_other() -> None:
    looks = Looks(2)
    take(looks, 0, 20, id="slow")
    take(looks, 0, 9, id="fast")
    take(looks, 1, 9, id="fast")
    assert [(request.import_id, request.day) for request in looks.complete()] == [("fast", 9)]
    take(looks, 1, 20, id="slow")
    assert [(request.import_id, request.day) for request in looks.complete()] == [("slow", 20)]


def test_an_end_in_all_lanes_gives_the_last_day_and_drops_the_open_question() -> None:
    looks = Looks(2)
    take(looks, 0, 20)
    assert take(looks, 0, 25, closed=True) == -1
    assert take(looks, 1, 27, closed=True) == 27
    assert looks.done == [look_key("i-1", 0), look_key("i-1", 1)]
    take(looks, 1, 20)
    assert list(looks.complete()) == [], "the other lane's half is gone"


def test_a_deleted_record_says_nothing() -> None:
    looks = Looks(1)
    assert looks.take(look_key("i-1", 0), None) == -1
    assert list(looks.complete()) == [] and looks.done == []


def test_a_question_that_cannot_be_read_stops_the_owner() -> None:
    with pytest.raises(InvariantViolation, match="request to the model owner cannot be read"):
        Looks(1).take(look_key("i-1", 0), b"{")
