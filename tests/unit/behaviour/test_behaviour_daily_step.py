from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from behaviour_cases import LIKELY, SEGMENTS, model, segment, with_rhythm
from behaviour_reference import Day, Slow

from models.behaviour.daily_step import advance, standing
from models.behaviour.features import block_of as columns
from models.behaviour.features import position_stats
from models.behaviour.layout import AREA, CUSUM, LABEL_VERSION, REFERENCE, SEGMENT, SLOTS
from models.behaviour.memory import Memory
from models.behaviour.model import DISTANCE, ClusterModel, Preset
from models.behaviour.moves import Move
from models.behaviour.scoring import compiled, margin_of, placed

FIRST = 1_000


def play(
    memory: Memory,
    rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    until: int,
    timeline: list[tuple[int, ClusterModel]],
) -> list[Move]:
    return advance(memory, rows, np.full(len(rows), until), timeline)


def shopper(rng: np.random.Generator, days: int, clock: bool = False) -> list[Day]:
    """Return days of a customer whose habits change occasionally; with ``clock``, gaps are equal while they do not."""
    story: list[Day] = []
    orders = clicks = 0.1
    for day in range(days):
        if day % 90 == 0:
            orders, clicks = float(rng.choice([0, 0.02, 0.15])), float(rng.choice([0, 0.1, 0.5]))
        today = Day()
        if (orders > 0 and day % round(1 / orders) == int(rng.integers(2))) if clock else rng.random() < orders:
            today.orders = [int(rng.lognormal(8, 0.5)) for _ in range(1 + int(rng.random() < 0.2))]
            today.discounted = int(rng.random() < 0.4)
        today.clicks = int(rng.random() < clicks) * 2
        story.append(today)
    return story


def live(memory: Memory, row: int, today: Day) -> None:
    for number, money in enumerate(today.orders):
        memory.add_order(row, money, number < today.discounted, [])
    for _ in range(today.clicks):
        memory.add_interaction(row, "click", None)


@pytest.mark.parametrize("preset", [Preset(), LIKELY], ids=["distance", "likelihood"])
@pytest.mark.parametrize("gap_cv2", [None, 0.05, 1.0])
def test_every_move_falls_on_the_day_of_an_exact_daily_recomputation(gap_cv2: float | None, preset: Preset) -> None:
    rng = np.random.default_rng(5)
    memory, timeline = Memory(), [(0, with_rhythm(gap_cv2, preset))]
    stories = [shopper(rng, 300, clock=gap_cv2 is not None and i % 2 == 0) for i in range(60)]
    rows = np.array([memory.new_row(FIRST) for _ in stories], dtype=np.int64)
    slow = [Slow(timeline[0][1], FIRST) for _ in stories]
    expected, found = [], []
    for day in range(300):
        for row, customer, story in zip(rows.tolist(), slow, stories, strict=True):
            live(memory, row, story[day])
            moved = customer.close(story[day])
            if moved:
                expected.append((FIRST + day + 1, row, *moved))
        found += play(memory, rows, FIRST + day + 1, timeline)
    real = [(m.day, m.row, m.path, m.to_id) for m in found if m.to_id != "new"]
    assert real == expected
    assert {path for _, _, path, _ in expected} == {"first", "change", "position"}
    assert len(expected) > 150
    for row, customer in zip(rows.tolist(), slow, strict=True):
        expected_parts = np.array([customer.parts[s.segment_id] for s in SEGMENTS]).T
        assert memory.matrix[row, CUSUM:AREA].reshape(4, SLOTS)[:, :4] == pytest.approx(
            expected_parts, rel=1e-4, abs=1e-4
        )


@pytest.mark.parametrize("preset", [Preset(), LIKELY], ids=["distance", "likelihood"])
def test_silence_moves_a_customer_on_its_day_though_nobody_looked_for_a_year(preset: Preset) -> None:
    rng = np.random.default_rng(8)
    memory, timeline = Memory(), [(0, model(preset=preset))]
    rows = np.array([memory.new_row(FIRST) for _ in range(20)], dtype=np.int64)
    slow = [Slow(timeline[0][1], FIRST) for _ in rows]
    for day in range(120):
        for row, customer in zip(rows.tolist(), slow, strict=True):
            today = Day(orders=[3_000] if rng.random() < 0.15 else [], clicks=int(rng.random() < 0.5))
            live(memory, row, today)
            customer.close(today)
        play(memory, rows, FIRST + day + 1, timeline)
    found = play(memory, rows, FIRST + 520, timeline)
    expected = []
    for row, customer in zip(rows.tolist(), slow, strict=True):
        for day in range(121, 521):
            moved = customer.close()
            if moved:
                expected.append((FIRST + day, row, *moved))
    assert [(m.day, m.row, m.path, m.to_id) for m in found] == sorted(expected)
    assert {m.to_id for m in found} >= {"quiet"} and len({m.day for m in found}) > 1
    assert {m.cause for m in found if m.day > FIRST + 124} == {"time"}


# --- evidence -----------------------------------------------------------------------------------
def ids(moves: list[Move]) -> list[tuple[str | None, str]]:
    return [(m.from_id, m.to_id) for m in moves]


def visits(memory: Memory, row: int, orders: int, clicks: int) -> None:
    live(memory, row, Day(orders=[3_000] * orders, clicks=clicks))


@pytest.mark.parametrize(("orders", "clicks", "enough"), [(1, 4, False), (2, 0, True), (0, 5, True), (0, 0, False)])
def test_below_the_evidence_a_customer_is_new(orders: int, clicks: int, enough: bool) -> None:
    memory = Memory()
    row = memory.new_row(FIRST)
    visits(memory, row, orders, clicks)
    moves = play(memory, np.array([row]), FIRST + 100, [(0, model())])
    assert (moves[0].from_id, moves[0].to_id, moves[0].day) == (None, "new", FIRST + 1)
    assert (len(moves) > 1) is enough
    if enough:
        assert moves[1].from_id == "new" and moves[1].day == FIRST + 14 and moves[1].cause == "time"


def test_without_a_model_nobody_has_a_segment_and_the_first_model_is_a_refit() -> None:
    memory = Memory()
    old, young = memory.new_row(FIRST), memory.new_row(FIRST + 49)
    visits(memory, old, 3, 0)
    rows = np.array([old, young])
    timeline = [(FIRST + 50, model())]
    assert play(memory, rows, FIRST + 49, timeline) == []
    assert standing(memory, old, model()).segment_id is None
    moves = play(memory, rows, FIRST + 50, timeline)
    assert [(m.row, m.from_id, m.cause) for m in moves] == [(old, None, "refit"), (young, None, "event")]
    assert moves[0].to_id != "new" and moves[1].to_id == "new"


def test_a_customer_whose_orders_were_all_taken_back_is_new_again() -> None:
    memory, timeline = Memory(), [(0, model())]
    row = memory.new_row(FIRST)
    visits(memory, row, 2, 0)
    play(memory, np.array([row]), FIRST + 20, timeline)
    memory.take_back(row, 3_000)
    moves = play(memory, np.array([row]), FIRST + 21, timeline)
    assert [(m.to_id, m.path, m.cause) for m in moves] == [("new", "evidence", "time")]
    assert play(memory, np.array([row]), FIRST + 60, timeline) == []


# --- explanations -------------------------------------------------------------------------------
def many_moves(preset: Preset) -> list[tuple[Move, np.ndarray, ClusterModel]]:
    rng = np.random.default_rng(3)
    memory, made = Memory(), model(preset=preset)
    rows = np.array([memory.new_row(FIRST) for _ in range(50)], dtype=np.int64)
    stories = [shopper(rng, 250) for _ in rows]
    found = []
    for day in range(250):
        for row, story in zip(rows.tolist(), stories, strict=True):
            live(memory, row, story[day])
        before = memory.matrix.copy()
        found += [(m, before[m.row], made) for m in play(memory, rows, FIRST + day + 1, [(0, made)])]
    return found


@pytest.mark.parametrize("preset", [Preset(), LIKELY], ids=["distance", "likelihood"])
def test_reasons_add_up_exactly_to_what_they_explain(preset: Preset) -> None:
    paths = set()
    for move, before, made in many_moves(preset):
        total = sum(r.contribution for r in move.reasons)
        if move.to_id == "new":
            assert move.reasons == ()
            continue
        paths.add(move.path)
        assert sum(abs(r.share) for r in move.reasons) == pytest.approx(1)
        sizes = [abs(r.contribution) for r in move.reasons]
        assert sizes == sorted(sizes, reverse=True)
        if move.path == "position" and preset.statistic == DISTANCE:
            c = compiled(made)
            own, to = (next(s.slot for s in SEGMENTS if s.segment_id == name) for name in (move.from_id, move.to_id))
            grown = move.margin - margin_of(before[REFERENCE].astype(np.float64), c, own, to)
            assert total == pytest.approx(grown, abs=1e-9)
        else:
            assert total == pytest.approx(move.margin, abs=1e-9)
        assert 0 <= move.confidence <= 1
    assert paths == {"first", "change", "position"}


def test_a_first_assignment_has_the_margin_over_the_runner_up() -> None:
    made = model()
    c = compiled(made)
    memory = Memory()
    row = memory.new_row(FIRST)
    visits(memory, row, 3, 9)
    moves = play(memory, np.array([row]), FIRST + 14, [(0, made)])
    x = placed(position_stats(columns(memory, np.array([row]))), c)[:, 0]
    to = next(s.slot for s in SEGMENTS if s.segment_id == moves[-1].to_id)
    margins = [margin_of(x, c, other, to) for other in range(4) if other != to]
    assert moves[-1].margin == pytest.approx(min(margins, key=abs), abs=1e-6) or moves[-1].margin > 0
    assert all(m > 0 for m in margins)


# --- versions -----------------------------------------------------------------------------------
def crowd(until: int, timeline: list[tuple[int, ClusterModel]]) -> tuple[Memory, np.ndarray]:
    rng = np.random.default_rng(4)
    memory = Memory()
    rows = np.array([memory.new_row(FIRST) for _ in range(120)], dtype=np.int64)
    kinds = rng.choice([0, 1, 2], len(rows))
    for day in range(FIRST, until):
        for row, kind in zip(rows.tolist(), kinds.tolist(), strict=True):
            orders, clicks = ((0.15, 0.5), (0.01, 0.55), (0.005, 0.03))[kind]
            live(memory, row, Day(orders=[3_000] * int(rng.random() < orders), clicks=int(rng.random() < clicks)))
        play(memory, rows, day + 1, timeline)
    return memory, rows


def test_the_model_in_force_is_the_last_that_began() -> None:
    memory = Memory()
    row = memory.new_row(FIRST)
    visits(memory, row, 3, 0)
    timeline = [(FIRST + 5, model(1)), (FIRST + 9, model(2)), (FIRST + 14, model(3)), (FIRST + 15, model(4))]
    moves = play(memory, np.array([row]), FIRST + 30, timeline)
    assert [(m.day, m.version) for m in moves[:2]] == [(FIRST + 5, 1), (FIRST + 14, 3)]


@pytest.mark.parametrize(
    "again",
    [
        lambda m: replace(m, version=2, parent=1),
        lambda m: replace(m, version=2, parent=1, segments=m.segments[::-1]),
        lambda m: replace(
            m,
            version=2,
            parent=1,
            segments=tuple(replace(s, name=s.name[::-1]) for s in m.segments[1:] + m.segments[:1]),
        ),
    ],
)
def test_a_model_that_says_the_same_in_another_order_moves_nobody(
    again: Callable[[ClusterModel], ClusterModel],
) -> None:
    first = model()
    one, rows = crowd(FIRST + 120, [(0, first)])
    other = Memory()
    copies = np.array([other.load(one.dump(row)) for row in rows.tolist()], dtype=np.int64)
    plain = play(one, rows, FIRST + 200, [(0, first)])
    versioned = play(other, copies, FIRST + 200, [(0, first), (FIRST + 121, again(first))])
    assert [(m.day, m.from_id, m.to_id) for m in plain] == [(m.day, m.from_id, m.to_id) for m in versioned]
    assert not [m for m in versioned if m.cause == "refit"]


def test_members_of_a_vanished_segment_find_another_as_a_refit() -> None:
    first = model()
    gone = next(s for s in SEGMENTS if s.segment_id == "looking")
    second = replace(
        first,
        version=2,
        parent=1,
        segments=tuple(s for s in SEGMENTS if s is not gone),
        retired=((gone.code, "looking"),),
    )
    memory, rows = crowd(FIRST + 120, [(0, first)])
    members = {int(r) for r in rows if memory.segment_code(int(r)) == gone.code}
    moves = play(memory, rows, FIRST + 121, [(0, first), (FIRST + 121, second)])
    vanished = {m.row for m in moves if m.path == "vanished"}
    assert members and vanished == members
    assert {(m.from_id, m.cause, m.version) for m in moves if m.row in members} == {("looking", "refit", 2)}
    assert gone.code not in memory.matrix[rows, SEGMENT]


def test_a_move_that_the_old_model_would_not_make_is_a_refit() -> None:
    first = model()
    memory, rows = crowd(FIRST + 150, [(0, first)])
    # The new version draws the borders again: `steady` moves to where `busy` customers are.
    busy, steady = SEGMENTS[0], SEGMENTS[3]
    swapped = (
        replace(busy, centroid=tuple(3 * v for v in busy.centroid)),
        *SEGMENTS[1:3],
        replace(steady, centroid=tuple(0.9 * v for v in busy.centroid)),
    )
    second = replace(first, version=2, parent=1, segments=swapped)
    firm = {int(r) for r in rows if standing(memory, int(r), first).margin < -0.3}
    moves = play(memory, rows, FIRST + 156, [(0, first), (FIRST + 151, second)])
    to_steady = [m for m in moves if (m.from_id, m.to_id, m.path) == ("busy", "steady", "position")]
    assert len(to_steady) > 10
    assert {m.cause for m in to_steady if m.row in firm} == {"refit"}
    # Those who were about to move there under the old version as well moved of their own accord.
    assert {m.cause for m in to_steady} >= {"event"}


def test_who_moves_only_because_positions_go_by_likelihood_now_moves_by_a_refit() -> None:
    first = model()
    memory, rows = crowd(FIRST + 150, [(0, first)])
    # By the tables, `busy` customers order more often than these; by their centroids, they are the nearest.
    busy, steady = SEGMENTS[0], SEGMENTS[3]
    often = replace(busy, order_rate=0.45, order_shape=20.0)
    tables = (often, *SEGMENTS[1:3], replace(busy, segment_id="steady", code=5, slot=3, centroid=steady.centroid))
    second = replace(first, version=2, parent=1, preset=LIKELY, segments=tables)
    firm = {int(r) for r in rows if standing(memory, int(r), first).margin < -0.3}
    moves = play(memory, rows, FIRST + 156, [(0, first), (FIRST + 151, second)])
    to_steady = [m for m in moves if (m.from_id, m.to_id, m.path) == ("busy", "steady", "position") and m.row in firm]
    assert len(to_steady) > 10 and {m.cause for m in to_steady} == {"refit"}


def test_a_suspicion_that_was_not_enough_for_the_rules_of_before_moves_by_a_refit() -> None:
    strict = model(preset=replace(LIKELY, eta=11.0))
    eager = replace(strict, version=2, parent=1, preset=replace(LIKELY, eta=4.0))
    changed = []
    for day in range(FIRST + 125, FIRST + 160, 5):
        memory, rows = crowd(FIRST + 120, [(0, strict)])
        play(memory, rows, day, [(0, strict)])
        moves = play(memory, rows, day + 1, [(0, strict), (day + 1, eager)])
        changed += [m.cause for m in moves if m.path == "change" and m.margin < 9]
    assert len(changed) >= 3 and set(changed) == {"refit"}


def test_a_label_is_owed_to_the_newest_version_that_agrees() -> None:
    first, second = model(), model(2)
    memory, rows = crowd(FIRST + 120, [(0, first)])
    play(memory, rows, FIRST + 121, [(0, first), (FIRST + 121, second)])
    assigned = rows[memory.matrix[rows, SEGMENT] > 1]
    nearest = [standing(memory, int(row), second).margin <= 0 for row in assigned]
    assert (memory.matrix[assigned, LABEL_VERSION] == 2).tolist() == nearest
    assert 0.5 < np.mean(nearest) < 1


def test_a_slot_given_to_another_segment_starts_without_suspicion() -> None:
    first = model()
    memory, rows = crowd(FIRST + 120, [(0, first)])
    memory.matrix[rows, CUSUM + 2] = 5.0  # orders
    heir = replace(segment("odd", 2, SEGMENTS[2].centroid, 0.005, 0.02), code=20, slot_since=2)
    second = replace(first, version=2, parent=1, segments=(*SEGMENTS[:2], SEGMENTS[3], heir), retired=((4, "quiet"),))
    play(memory, rows, FIRST + 121, [(0, first), (FIRST + 121, second)])
    assert memory.matrix[rows, CUSUM + 2].max() < 1.0


def test_moves_are_sorted_by_day_then_row() -> None:
    memory, rows = crowd(FIRST + 60, [(FIRST + 70, model())])
    moves = play(memory, rows[::-1].copy(), FIRST + 400, [(FIRST + 70, model())])
    assert len({m.day for m in moves}) > 5
    assert [(m.day, m.row) for m in moves] == sorted((m.day, m.row) for m in moves)


def test_standing_names_the_nearest_other_segment() -> None:
    memory, rows = crowd(FIRST + 120, [(0, model())])
    for row in rows[:40].tolist():
        stand = standing(memory, row, model())
        if stand.segment_id != "new":
            assert stand.nearest_other not in (None, stand.segment_id)
            assert stand.margin <= 1.1 and 0 < stand.confidence <= 1


# --- holidays -----------------------------------------------------------------------------------
def suspicion(memory: Memory, row: int) -> float:
    """Return the largest W."""
    return float(memory.matrix[row, CUSUM:AREA].reshape(4, SLOTS).sum(axis=0).max())


def busy_customer(gap: int = 0, gap_cv2: float | None = None) -> tuple[Memory, int, list[tuple[int, ClusterModel]]]:
    """Return a customer of `busy` on day 150 after many events; ``gap``: with an order exactly every so many days."""
    rng = np.random.default_rng(6)
    memory, timeline = Memory(), [(0, with_rhythm(gap_cv2, replace(LIKELY, eta=1e6)))]
    row = memory.new_row(FIRST)
    for day in range(150):
        bought = day % gap == 0 if gap else rng.random() < 0.15
        live(memory, row, Day(orders=[3_000] * int(bought), clicks=int(not gap and rng.random() < 0.5)))
        play(memory, np.array([row]), FIRST + day + 1, timeline)
    return memory, row, timeline


def test_a_silence_of_up_to_a_month_says_no_more_than_a_holiday_may() -> None:
    memory, row, timeline = busy_customer()
    assert memory.matrix[row, SEGMENT] == 2
    levels = []
    for day in range(FIRST + 151, FIRST + 200):
        play(memory, np.array([row]), day, timeline)
        levels.append(suspicion(memory, row))
    steps = np.diff(levels)
    # At 5.5 nats of evidence the silence adds none, until it continues on the 31st day.
    waits = np.flatnonzero(steps == 0)
    assert waits.size and (np.diff(waits) == 1).all() and waits[-1] < 31
    assert levels[waits[0]] < 5.5 + steps[0] + 1.0
    assert (steps[waits[-1] + 1 :] > 0).all() and levels[-1] > 2 * levels[waits[0]]


def test_the_silence_of_a_clock_is_no_holiday() -> None:
    memory, row, timeline = busy_customer(gap=7, gap_cv2=0.05)
    levels = []
    for day in range(FIRST + 151, FIRST + 185):
        play(memory, np.array([row]), day, timeline)
        levels.append(suspicion(memory, row))
    # Overdue by the second week, and no day of it is mistaken for a holiday.
    assert (np.diff(levels)[12:] > 0).all()
