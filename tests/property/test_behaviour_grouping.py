"""Test that a customer's nightly step depends only on the customer, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from models.behaviour.daily_step import advance
from models.behaviour.features import NAMES, Priors
from models.behaviour.layout import DAY, SLOTS
from models.behaviour.memory import Memory
from models.behaviour.model import LIKELIHOOD, ClusterModel, Frame, Preset, Segment
from models.behaviour.moves import Move

FIRST = 500
PRESETS = (
    Preset(h=0.05, theta=0.5, eta=2.0),
    Preset(h=0.1, theta=1.0, eta=2.0, statistic=LIKELIHOOD, holiday=1.0),
)


def random_model(rng: np.random.Generator, version: int, k: int) -> ClusterModel:
    """Draw any valid model in a frame that is not even diagonal; slots with gaps, codes that stay."""
    axes = int(rng.integers(2, 8))
    slots = rng.permutation(SLOTS)[:k]
    order = rng.permutation(k)
    return ClusterModel(
        version=version,
        parent=version - 1,
        frame=Frame(
            mu=(0.0, 1.0, 8.0, 1.0, 8.0, 0.3, 1.5),
            weights=tuple(map(tuple, rng.normal(0, 1, (len(NAMES), axes)).tolist())),
            low=(-5.0, -5.0, 0.0, -5.0, 5.0, 0.0, 1.0),
            high=(3.0, 4.0, 12.0, 4.0, 11.0, 1.0, 4.0),
            priors=Priors(8.0, 0.3, gap_cv2=(None, 0.0, 0.3, 1.0)[int(rng.integers(4))]),
        ),
        segments=tuple(
            Segment(
                segment_id=f"s{slot}",
                name=f"S{slot}",
                code=int(slot) + 2,
                slot=int(slot),
                slot_since=1,
                centroid=tuple(rng.normal(0, 2, axes).tolist()),
                order_rate=float(rng.uniform(0.001, 0.3)),
                click_rate=float(rng.uniform(0.001, 0.7)),
                order_shape=float(rng.uniform(0.5, 9)),
                click_shape=float(rng.uniform(0.5, 9)),
                log_basket=float(rng.normal(8, 0.5)),
                log_basket_var=0.05,
                basket=3_000.0,
                discount=float(rng.uniform(0.05, 0.9)),
            )
            for slot in slots[order]
        ),
        sigma2=0.2,
        phi=(1.2, 1.4),
        preset=PRESETS[int(rng.integers(2))],
        retired=tuple((code, f"s{code - 2}") for code in range(2, SLOTS + 2) if code - 2 not in slots),
    )


def random_crowd(rng: np.random.Generator, memory: Memory, n: int) -> list[bytes]:
    """Draw blobs of customers in all states, stepped to different days, some with an open bucket."""
    warm = random_model(rng, 1, 6)
    rows = np.array([memory.new_row(FIRST + int(rng.integers(30))) for _ in range(n)], dtype=np.int64)
    for day in range(FIRST, FIRST + 60):
        # A third of them buy regularly, every five days.
        clocks = (np.arange(n) % 3 == 0) & (day % 5 == np.arange(n) % 5)
        for row in rows[(rng.random(n) < np.where(np.arange(n) % 3 == 0, 0.02, 0.3)) | clocks].tolist():
            if memory.day_of(row) > day:
                continue
            for _ in range(int(rng.integers(3))):
                memory.add_order(row, int(rng.integers(1, 20_000)), bool(rng.random() < 0.5), [("a", 1), ("b", 2)])
            memory.add_interaction(row, "click", None)
            if rng.random() < 0.1:
                memory.take_back(row, int(rng.integers(1, 90_000)))
        stepped = rows[rng.random(n) < 0.8]
        advance(memory, stepped, np.full(len(stepped), day + 1), [(FIRST + 20, warm)])
    return [memory.dump(row) for row in rows.tolist()]


def by_customer(moves: list[Move], who: dict[int, int]) -> list[Move]:
    return sorted((structs.replace(m, row=who[m.row]) for m in moves), key=lambda m: (m.day, m.row))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(2, 40))
def test_grouping_of_rows_and_of_days_changes_not_one_bit(seed: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    blobs = random_crowd(rng, Memory(), n)
    timeline = [
        (FIRST + 50, random_model(rng, 2, 6)),
        (FIRST + 70, random_model(rng, 3, k)),
        (FIRST + 85, random_model(rng, 4, 7)),
    ]
    target = FIRST + 100

    together = Memory()
    rows = np.array([together.load(blob) for blob in blobs], dtype=np.int64)
    moves = by_customer(advance(together, rows, np.full(n, target), timeline), {int(r): i for i, r in enumerate(rows)})
    expected = [together.dump(row) for row in rows.tolist()]

    alone = Memory()
    singles: list[Move] = []
    for i, blob in enumerate(blobs):
        row = alone.load(blob)
        singles += by_customer(advance(alone, np.array([row]), np.array([target]), timeline), {row: i})
        assert alone.dump(row) == expected[i]
    assert sorted(singles, key=lambda m: (m.day, m.row)) == moves

    pieces = Memory(1)
    rows = np.array([pieces.load(blob) for blob in blobs], dtype=np.int64)
    who = {int(r): i for i, r in enumerate(rows)}
    several: list[Move] = []
    while rows.size:
        some = rng.permutation(rows)[: int(rng.integers(1, n + 1))]
        targets = np.minimum(pieces.matrix[some, DAY].astype(np.int64) + rng.integers(0, 9, len(some)), target)
        several += by_customer(advance(pieces, some, targets, timeline), who)
        # Occasionally a worker stops, and another reads what it wrote.
        for row in some[:2].tolist():
            pieces.reload(row, pieces.dump(row))
        rows = np.array([row for row in rows if pieces.day_of(int(row)) < target], dtype=np.int64)
    assert [pieces.dump(row) for row in who] == expected
    assert sorted(several, key=lambda m: (m.day, m.row)) == moves


def test_one_customer_among_thousands_is_the_same_as_alone() -> None:
    rng = np.random.default_rng(11)
    blobs = random_crowd(rng, Memory(), 40)
    timeline = [(FIRST + 40, random_model(rng, 2, 7))]
    crowd, alone = Memory(), Memory()
    rows = np.array([crowd.load(blobs[i % 40]) for i in range(3_001)], dtype=np.int64)
    advance(crowd, rows, np.full(3_001, FIRST + 75), timeline)
    dumps = [crowd.dump(row) for row in rows.tolist()]
    for i in range(40):
        row = alone.load(blobs[i])
        advance(alone, np.array([row]), np.array([FIRST + 75]), timeline)
        assert set(dumps[i::40]) == {alone.dump(row)}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_permuted_model_moves_nobody_and_changes_no_memory(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blobs = random_crowd(rng, Memory(), 12)
    made = random_model(rng, 2, 6)
    permuted = replace(made, segments=tuple(made.segments[i] for i in rng.permutation(made.k)))
    results = []
    for one in (made, permuted):
        memory = Memory()
        rows = np.array([memory.load(blob) for blob in blobs], dtype=np.int64)
        moves = advance(memory, rows, np.full(12, FIRST + 120), [(FIRST + 40, one)])
        results.append((moves, [memory.dump(row) for row in rows.tolist()]))
    assert results[0] == results[1]
