from __future__ import annotations

import numpy as np
import pytest
from behaviour_cases import model

from models.behaviour.daily_step import advance
from models.behaviour.features import features
from models.behaviour.layout import (
    AREA,
    CUSUM,
    DAY,
    EXPOSURE,
    LAST_ORDER,
    LONG_AT,
    ORDER_COUNT,
    ORDER_DAYS,
    RHYTHM,
    SEGMENT,
    SHORT_AT,
    SLOTS,
    WIDTH,
)
from models.behaviour.memory import Memory
from schemas.errors import InvariantViolation

TIMELINE = [(0, model())]


def step(memory: Memory, row: int, day: int) -> None:
    advance(memory, np.array([row]), np.array([day]), TIMELINE)


def test_a_blob_is_small_and_gives_back_the_same_bytes() -> None:
    memory = Memory()
    row = memory.new_row(100)
    memory.add_order(row, 4_990, True, [("tea", 4_000), ("cups", 990)])
    memory.add_interaction(row, "click", "tea")
    blob = memory.dump(row)
    assert (len(blob), len(memory.dump(memory.new_row(100)))) == (421 + 80, 421)
    assert memory.dump(memory.load(blob)) == blob
    step(memory, row, 101)
    assert len(memory.dump(row)) < len(blob)  # the bucket is closed


def test_a_loaded_row_goes_on_as_if_it_had_never_been_dumped() -> None:
    memory = Memory()
    row = memory.new_row(100)
    for day in range(100, 160):
        step(memory, row, day)
        if day % 5 == 0:
            memory.add_order(row, 3_000 + day, day % 2 == 0, [("tea", 3_000)])
        memory.add_interaction(row, "click", None)
        again = memory.load(memory.dump(row))
        step(memory, again, day + 1)
        original = memory.load(memory.dump(row))
        step(memory, original, day + 1)
        assert memory.dump(again) == memory.dump(original)
        memory.free(again)
        memory.free(original)


@pytest.mark.parametrize("damage", [b"", b"\x63", lambda b: b"\x07" + b[1:], lambda b: b[:-3], lambda b: b + b"x"])
def test_a_blob_of_another_layout_or_length_stops_the_process(damage: object) -> None:
    memory = Memory()
    blob = memory.dump(memory.new_row(3))
    bad = damage(blob) if callable(damage) else damage
    with pytest.raises(InvariantViolation):
        memory.load(bad)  # type: ignore[arg-type]


def test_a_blob_of_the_first_layout_is_read_but_for_its_suspicions() -> None:
    """W was one number per slot then, is four now, and no rhythm was stored."""
    memory = Memory()
    row = memory.new_row(3)
    memory.matrix[row] = np.arange(WIDTH)
    memory.add_order(row, 4_990, True, [("tea", 4_990)])
    blob = memory.dump(row)
    begins, ends, rhythm, end = 1 + 4 * CUSUM, 1 + 4 * AREA, 1 + 4 * LAST_ORDER, 1 + 4 * WIDTH
    old = b"\x01" + blob[1:begins] + np.ones(SLOTS, "<f4").tobytes() + blob[ends:rhythm] + blob[end:]
    memory.matrix[row, CUSUM:AREA] = 0
    memory.matrix[row, RHYTHM] = 0
    assert memory.dump(memory.load(old)) == memory.dump(row)
    with pytest.raises(InvariantViolation):
        memory.load(old[:-1])


def test_a_blob_with_a_number_that_is_not_finite_is_refused() -> None:
    memory = Memory()
    row = memory.new_row(3)
    memory.matrix[row, 5] = np.nan
    with pytest.raises(InvariantViolation, match="finite"):
        memory.load(memory.dump(row))


def test_rows_grow_are_freed_and_come_back_empty() -> None:
    memory = Memory(2)
    rows = [memory.new_row(5) for _ in range(9)]
    assert len(set(rows)) == 9 and len(memory) == 9
    memory.add_interaction(rows[3], "click", None)
    memory.free(rows[3])
    assert len(memory) == 8
    with pytest.raises(InvariantViolation):
        memory.dump(rows[3])
    again = memory.new_row(7)
    assert again == rows[3] and memory.day_of(again) == 7 and again not in memory.buckets
    assert memory.rows_before(7).tolist() == sorted(set(rows) - {again})


def test_a_day_counts_once_however_much_happens() -> None:
    memory = Memory()
    row = memory.new_row(10)
    for _ in range(4):
        memory.add_order(row, 1_000, False, [("tea", 1_000)])
        memory.add_interaction(row, "click", None)
    advance(memory, np.array([row]), np.array([11]), [])
    stats = memory.matrix[row, SHORT_AT : SHORT_AT + 7]
    assert stats.tolist() == pytest.approx([1, 1, 1, 4_000, 4, np.log(1_000), 0])
    assert memory.matrix[row, ORDER_COUNT] == 4


def test_reversals_of_everything_leave_nothing_but_numbers() -> None:
    memory = Memory()
    row = memory.new_row(10)
    memory.add_order(row, 5_000, True, [("tea", 5_000)])
    step(memory, row, 40)
    memory.take_back(row, 5_000, discounted=True, categories=[("tea", 5_000)])
    memory.take_back(row, 9_999_999)  # more than was ever bought
    step(memory, row, 41)
    memory.take_back(row, 5, whole=False)
    step(memory, row, 60)
    x = features(memory, np.array([row]), model().frame.priors)
    assert np.isfinite(x).all() and np.isfinite(memory.matrix[row]).all()
    assert memory.matrix[row, ORDER_COUNT] == 0


def test_an_order_taken_back_the_same_day_never_was() -> None:
    memory = Memory()
    one, other = memory.new_row(10), memory.new_row(10)
    memory.add_order(one, 5_000, True, [("tea", 5_000)])
    memory.take_back(one, 5_000, discounted=True, categories=[("tea", 5_000)])
    for row in (one, other):
        step(memory, row, 11)
    assert np.array_equal(memory.matrix[one], memory.matrix[other])


def test_a_merge_adds_what_was_done_but_not_the_time_looked_at() -> None:
    memory = Memory()
    one, other = memory.new_row(100), memory.new_row(120)
    memory.add_order(one, 1_000, False, [])
    step(memory, one, 130)
    memory.add_order(other, 3_000, False, [])
    step(memory, other, 125)  # five days behind
    exposure = memory.matrix[one, LONG_AT + EXPOSURE]
    apart = memory.matrix[one, LONG_AT + ORDER_DAYS] + memory.matrix[other, LONG_AT + ORDER_DAYS] * 2 ** (-5 / 120)
    memory.merge(one, memory.dump(other))
    assert memory.matrix[one, LONG_AT + EXPOSURE] == exposure
    assert memory.matrix[one, LONG_AT + ORDER_DAYS] == pytest.approx(apart)
    assert memory.matrix[one, ORDER_COUNT] == 2
    assert memory.matrix[one, DAY] == 130


def test_a_merge_keeps_the_open_day_of_both() -> None:
    memory = Memory()
    one, other = memory.new_row(100), memory.new_row(100)
    memory.add_order(one, 1_000, False, [("tea", 1_000)])
    memory.add_order(other, 3_000, True, [("tea", 3_000)])
    memory.add_interaction(other, "click", None)
    memory.merge(one, memory.dump(other))
    advance(memory, np.array([one]), np.array([101]), [])
    assert memory.matrix[one, SHORT_AT + 1 : SHORT_AT + 5].tolist() == [1, 1, 4_000, 2]
    assert memory.matrix[one, SEGMENT] == 0
