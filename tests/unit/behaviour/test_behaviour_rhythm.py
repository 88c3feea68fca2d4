"""Test the rhythm of orders: phase-free counts, chances of the day, older states, merges and order books."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from behaviour_cases import with_rhythm
from hypothesis import given, settings
from hypothesis import strategies as st

from models.behaviour.daily_step import advance
from models.behaviour.features import NAMES, features, position_stats, short_stats
from models.behaviour.layout import (
    DAY,
    EXPOSURE,
    GAP_MEAN,
    GAPS,
    LAST_ORDER,
    LONG,
    ORDER_DAYS,
    RECENT,
    RHYTHM,
    SHORT,
    FloatArray,
)
from models.behaviour.memory import Memory
from models.behaviour.rhythm import (
    FACTORS,
    beat_of,
    chance_now,
    joined,
    of_order_days,
    overdue,
    regularity,
    usual_cv2,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "behaviour_layout_2.jsonl"
FIRST = 20_000


def block_after(order_days: list[int], until: int, gap_cv2: float | None = 0.0) -> tuple[Memory, FloatArray]:
    """Return one customer who ordered on these days (from 0), stepped to day ``until`` under a model."""
    memory = Memory()
    row = memory.new_row(FIRST)
    timeline = [(0, with_rhythm(gap_cv2))]
    for day in range(until):
        if day in order_days:
            memory.add_order(row, 3_000, False, [("tea", 3_000)])
        advance(memory, np.array([row]), np.array([FIRST + day + 1]), timeline)
    return memory, memory.matrix[[row]].T.astype(np.float64)


def test_mean_and_variation_of_gaps_by_hand() -> None:
    last, weight, mean, squares = of_order_days([10, 20, 34]).tolist()
    assert (last, weight) == (34.0, pytest.approx(1.9))
    assert mean == pytest.approx((0.9 * 10 + 14) / 1.9)
    assert squares == pytest.approx(0.9 * (10 - mean) ** 2 + (14 - mean) ** 2)


def test_a_clock_is_regular_and_chance_is_not() -> None:
    clock = of_order_days(range(100, 400, 30))
    rng = np.random.default_rng(1)
    chance = of_order_days(np.unique(rng.integers(0, 4_000, 200)).tolist())
    block = np.zeros((RHYTHM.stop, 3))
    block[RHYTHM, 0], block[RHYTHM, 1] = clock, chance
    found = regularity(block, 0.0)
    assert found[0] == pytest.approx(1.0) and found[1] < 0.35 and found[2] == 0.0
    # In a shop where everybody buys by chance, few equal gaps are luck; many are not.
    few = np.zeros((RHYTHM.stop, 1))
    few[RHYTHM, 0] = of_order_days([0 + 1, 31])
    assert regularity(few, 1.0)[0] == 0.0
    assert regularity(block, 1.0)[0] > 0.8


def test_the_shop_s_usual_variation_needs_customers_of_whom_gaps_are_known() -> None:
    block = np.zeros((RHYTHM.stop, 40))
    assert usual_cv2(block) == 1.0
    block[RHYTHM] = of_order_days(range(100, 200, 20))[:, None]
    assert usual_cv2(block) == pytest.approx(0.0)
    assert usual_cv2(block[:, :9]) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.sampled_from([0.0, 0.01]))
def test_a_clock_s_features_hold_still_over_a_whole_cycle(gap: int, gap_cv2: float) -> None:
    memory = Memory()
    row = memory.new_row(FIRST)
    rows = np.array([row])
    priors = with_rhythm(gap_cv2).frame.priors
    seen = []
    for day in range(6 * gap):
        if day % gap == 0:
            memory.add_order(row, 3_000, day % 2 == 0, [("tea", 3_000)])
        advance(memory, rows, np.array([FIRST + day + 1]), [(0, with_rhythm(gap_cv2))])
        if day >= 5 * gap:
            seen.append(features(memory, rows, priors)[0])
    found = np.array(seen)
    for name, column in zip(NAMES, found.T, strict=True):
        value = np.exp(column) if name in ("orders", "clicks", "money", "browse_to_buy", "basket") else column
        if name != "discount_share":  # every second order is discounted: that share has no clock
            assert value.max() / value.min() <= 1.02, name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 150), max_size=40), st.integers(1, 200), st.floats(0, 1))
def test_what_a_count_is_multiplied_by_is_bounded_and_its_time_is_left_alone(
    days: list[int], until: int, gap_cv2: float
) -> None:
    _, block = block_after(sorted(set(days)), until, gap_cv2)
    beat = beat_of(block, gap_cv2)
    for raw, even in (
        (np.maximum(block[LONG] + block[RECENT], 0.0), position_stats(block, beat)),
        (np.maximum(block[SHORT], 0.0), short_stats(block, beat)),
    ):
        assert np.array_equal(raw[[0, 2]], even[[0, 2]])
        known = raw > 0
        assert np.array_equal(known, even > 0)
        ratio = even[known] / raw[known]
        assert ratio.size == 0 or (ratio.min() >= FACTORS[0] - 1e-12 and ratio.max() <= FACTORS[1] + 1e-12)


def test_silence_counts_from_the_day_on_which_the_own_next_order_is_due() -> None:
    orders = list(range(0, 181, 30))
    rate = {}
    for until in (182, 195, 210, 240, 270):
        _, block = block_after(orders, until)
        stats = position_stats(block, beat_of(block, 0.0))
        rate[until] = float(stats[ORDER_DAYS, 0] / stats[EXPOSURE, 0])
    on_time = [rate[until] for until in (182, 195, 210)]
    assert max(on_time) / min(on_time) < 1.01 and on_time[0] == pytest.approx(1 / 30, rel=0.02)
    assert rate[240] < 0.9 * rate[210] and rate[270] < 0.75 * rate[210]


def test_chances_of_the_day_follow_the_own_rhythm() -> None:
    _, block = block_after(list(range(0, 181, 30)), 182)
    beat = beat_of(block, 0.0)
    assert beat is not None and beat.cycle[0] == 30
    early, due, late = (float(chance_now(beat, np.array([days]))[0]) for days in (3.0, 29.0, 45.0))
    assert early < 0.2 and due == 1.0 and 10 < late <= 20
    assert not overdue(beat)[0]
    _, later = block_after(list(range(0, 181, 30)), 225)
    beat = beat_of(later, 0.0)
    assert beat is not None and overdue(beat)[0]


def test_states_of_layout_2_are_read_and_judged_as_before() -> None:
    """Written by the last program of layout 2: a state, and its 60 days without an event."""
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    assert len(lines) == 15
    for line in lines:
        # An older model knows no variation of gaps; a newer one finds no gap in such a state.
        for gap_cv2 in (None, 0.01):
            memory = Memory()
            row = memory.load(base64.b64decode(line["before"]))
            assert not memory.matrix[row, RHYTHM].any()
            target = np.array([memory.day_of(row) + 60])
            moves = advance(memory, np.array([row]), target, [(0, with_rhythm(gap_cv2))])
            assert [[m.day, m.from_id, m.to_id, m.cause, m.path] for m in moves] == line["moves"]
            expected = base64.b64decode(line["after"])
            now = memory.dump(row)
            end = 1 + 4 * LAST_ORDER
            assert now[0] == 3 and expected[0] == 2 and now[1:end] == expected[1:]
            assert memory.matrix[row, GAPS] == 0


def test_a_state_from_before_takes_its_rhythm_from_the_order_book() -> None:
    line = json.loads(GOLDEN.read_text().splitlines()[1])
    memory = Memory()
    blob = base64.b64decode(line["before"])
    row = memory.load(blob, lambda: [100, 110, 120, 9_999])
    assert memory.matrix[row, RHYTHM] == pytest.approx(of_order_days([100, 110, 120]))
    # The open day is counted when it closes, not twice.
    day = memory.day_of(row)
    again = memory.load(blob, lambda: [100, 110, day])
    assert memory.matrix[again, LAST_ORDER] == 110
    # Once the rhythm is stored, nobody asks.
    assert memory.load(memory.dump(row), lambda: pytest.fail("asked")) != row


def test_a_merge_keeps_the_rhythm_of_which_more_is_known_and_the_later_order() -> None:
    long, short = of_order_days([1, 31, 61, 91]), of_order_days([80, 100])
    for mine, other in ((long, short), (short, long)):
        found = joined(mine, other)
        assert found[0] == 100 and found[1:].tolist() == long[1:].tolist()
    memory = Memory()
    one, other_row = memory.new_row(FIRST), memory.new_row(FIRST)
    for day in range(100):
        if day % 10 == 0:
            memory.add_order(one, 3_000, False, [])
        advance(memory, np.array([one]), np.array([FIRST + day + 1]), [])
        if day == 5:
            memory.add_order(other_row, 3_000, False, [])
            advance(memory, np.array([other_row]), np.array([FIRST + 1]), [])
    memory.add_order(other_row, 3_000, False, [])  # its day closes inside the merge
    memory.merge(one, memory.dump(other_row))
    assert memory.matrix[one, GAP_MEAN] == 10 and memory.matrix[one, LAST_ORDER] == FIRST + 90
    assert memory.matrix[one, DAY] == FIRST + 100
