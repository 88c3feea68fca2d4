"""Test when a lane stops because it rejects too much."""

from __future__ import annotations

import random

from schemas.control import ControlClock
from schemas.errors import InvalidEvent
from schemas.records import Record
from streamer.core.decode import DecodedRecord
from streamer.lanes.deadletter_limit import DeadLetterLimit

ERROR = InvalidEvent("not_json", "")


def decoded_records(text: str, start: int = 0) -> list[DecodedRecord]:
    """Return one record per letter: good (g), bad (b), of an import and bad (i), control (c)."""
    made = []
    for offset, letter in enumerate(text, start):
        record = Record(0, offset, 0, None, b"", ())
        made.append(
            DecodedRecord(
                record,
                error=ERROR if letter in "bi" else None,
                import_id="old" if letter == "i" else None,
                control=ControlClock(import_id="old", at=1) if letter == "c" else None,
            )
        )
    return made


def fed(limit: DeadLetterLimit, text: str, step: int = 1_000_000) -> tuple[int, str | None]:
    """Return how many letters were processed before it stopped, and why it did."""
    taken = 0
    for at in range(0, len(text), step):
        some = decoded_records(text[at : at + step], at)
        some = some[: limit.room(some)]
        taken += len(some)
        reason = limit.take(some, {one.record.offset for one in some if one.error is not None})
        if reason is not None:
            return taken, reason
    return taken, None


def test_a_run_stops_the_lane_at_that_very_record() -> None:
    text = "gbbgbbbgg"
    for step in range(1, len(text) + 1):
        assert fed(DeadLetterLimit(3, 1.0, 10), text, step) == (7, "3 records one after the other were refused")


def test_a_good_record_ends_a_run() -> None:
    assert fed(DeadLetterLimit(3, 1.0, 10), "bbg" * 100) == (300, None)


def test_a_share_of_the_latest_stops_it_and_not_before_there_are_enough() -> None:
    assert fed(DeadLetterLimit(0, 0.5, 10), "bbbbbbbbb") == (9, None)
    taken, reason = fed(DeadLetterLimit(0, 0.5, 10), "bgbgbgbgbbb" + "g" * 10)
    assert (taken, reason) == (10, "60% of the last 10 records were refused")


def test_what_was_good_long_ago_does_not_excuse_what_is_bad_now() -> None:
    taken, reason = fed(DeadLetterLimit(0, 0.5, 100), "g" * 10_000 + "b" * 1_000, step=10)
    assert reason is not None
    assert taken < 10_000 + 100


def test_imports_and_control_records_do_not_count() -> None:
    assert fed(DeadLetterLimit(3, 0.5, 5), "ici" * 100) == (300, None)
    assert fed(DeadLetterLimit(3, 1.0, 5), "bicibicb" + "g")[0] == 8


def test_zero_and_one_switch_it_off() -> None:
    assert fed(DeadLetterLimit(0, 1.0, 10), "b" * 500) == (500, None)


def test_what_only_decide_refuses_counts_as_well() -> None:
    limit = DeadLetterLimit(3, 1.0, 10)
    some = decoded_records("ggggg")
    assert limit.room(some) == 5
    assert limit.take(some, {1, 2, 3}) == "3 records one after the other were refused"


def test_wherever_steps_end_no_more_is_taken_than_the_limit_allows() -> None:
    dice = random.Random(5)
    for _ in range(200):
        text = "".join(dice.choices("gb", weights=(1, 2), k=300))
        longest = 0
        run = 0
        for number, letter in enumerate(text, 1):
            run = run + 1 if letter == "b" else 0
            if run == 8:
                longest = number
                break
        taken, reason = fed(DeadLetterLimit(8, 1.0, 10), text, dice.randint(1, 60))
        assert taken == (longest or 300)
        assert (reason is None) == (longest == 0)
