"""Test random moves and a silent year: published reasons reproduce the move, and moves by time are never missed or late."""

from __future__ import annotations

import os
from collections import Counter
from math import exp, log

import numpy as np
import pytest
from behaviour_cases import LIKELY, SEGMENTS, model
from behaviour_reference import Day, Slow

from models.behaviour.daily_step import advance
from models.behaviour.features import CLICKS_FLOOR, NAMES, ORDERS_FLOOR
from models.behaviour.layout import LONG, PARTS, RECENT, REFERENCE, FloatArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel, Preset
from models.behaviour.moves import Move
from models.behaviour.scoring import compiled, margin_of, scores

FIRST = 1_000
SILENT = int(os.environ.get("SILENT_CUSTOMERS", "30"))
MOVERS = int(os.environ.get("MOVING_CUSTOMERS", "400"))
"""Customers of the silent year and of the random moves (some seven each); `make evaluate` uses more."""
_SLOT = {s.segment_id: s.slot for s in SEGMENTS}


def live(memory: Memory, row: int, today: Day) -> None:
    for number, money in enumerate(today.orders):
        memory.add_order(row, money, number < today.discounted, [])
    for _ in range(today.clicks):
        memory.add_interaction(row, "click", None)


def habits(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.choice([0, 0.02, 0.15])), float(rng.choice([0, 0.1, 0.5]))


def a_day(rng: np.random.Generator, orders: float, clicks: float) -> Day:
    bought = rng.random() < orders
    return Day(
        orders=[int(rng.lognormal(8, 0.5))] if bought else [],
        discounted=int(bought and rng.random() < 0.4),
        clicks=2 * int(rng.random() < clicks),
    )


def many_moves(made: ClusterModel, customers: int, days: int) -> list[tuple[Move, FloatArray, list[float]]]:
    """Return moves of customers whose habits change at random.

    Each has the features at which the old label was assigned, and the long memory after the move, (VECTOR,).
    """
    rng = np.random.default_rng(11)
    memory = Memory(customers)
    rows = np.array([memory.new_row(FIRST) for _ in range(customers)], dtype=np.int64)
    wont = [habits(rng) for _ in rows]
    found = []
    for day in range(days):
        for at in np.flatnonzero(rng.random(customers) < 1 / 60).tolist():
            wont[at] = habits(rng)
        for row, (orders, clicks) in zip(rows.tolist(), wont, strict=True):
            if orders or clicks:
                live(memory, row, a_day(rng, orders, clicks))
        references = memory.matrix[:, REFERENCE].astype(np.float64)
        moves = advance(memory, rows, np.full(customers, FIRST + day + 1), [(0, made)])
        found += [
            (m, references[m.row], (memory.matrix[m.row, LONG] + memory.matrix[m.row, RECENT]).tolist()) for m in moves
        ]
    return found


def likelihood_margin(move: Move, long: list[float], made: ClusterModel) -> float:
    """Return the margin of a move, by the slow recomputation of the customer's behaviour."""
    slow = Slow(made, FIRST)
    away, to = (next(s for s in SEGMENTS if s.segment_id == name) for name in (move.from_id, move.to_id))
    parts = zip(slow.likelihood(long, to, 1.0), slow.likelihood(long, away, 1.0), strict=True)
    expected = {name: one - other for name, (one, other) in zip(PARTS, parts, strict=True)}
    contributions = {r.feature: r.contribution for r in move.reasons}
    assert {name: contributions[name] for name in PARTS} == pytest.approx(expected, abs=1e-4)
    return sum(expected.values())


def inner(natural: dict[str, float], made: ClusterModel) -> FloatArray:
    """Return the features used for distances, from values in natural units."""
    prior = ORDERS_FLOOR * exp(made.frame.priors.log_basket)
    values = [natural[name] for name in NAMES]
    logs = [log(v + f) for v, f in zip(values[:5], (ORDERS_FLOOR, CLICKS_FLOOR, prior, 0.0, 0.0), strict=True)]
    return np.array(logs + values[5:])


@pytest.mark.parametrize("preset", [Preset(), LIKELY], ids=["distance", "likelihood"])
def test_reasons_of_random_moves_add_up_and_make_them_again(preset: Preset) -> None:
    made = model(preset=preset)
    c = compiled(made)
    paths: Counter[str] = Counter()
    for move, reference, memory_after in many_moves(made, MOVERS, 330):
        if move.to_id == "new":
            continue
        paths[move.path] += 1
        total, to = sum(r.contribution for r in move.reasons), _SLOT[move.to_id]
        if move.path == "position" and preset is LIKELY:
            # The parts add up to the log-likelihood ratio that decided, over the border like all of the last days.
            assert total == pytest.approx(move.margin, abs=1e-9)
            assert move.margin > made.preset.h
            again = likelihood_margin(move, memory_after, made)
            assert again == pytest.approx(move.margin, abs=1e-4)
        elif move.path == "position":
            own = _SLOT[str(move.from_id)]
            # From where the label was assigned, the parts lead to the deciding margin, which is over the border.
            assert margin_of(reference, c, own, to) + total == pytest.approx(move.margin, abs=1e-9)
            assert move.margin > made.preset.h
            x = inner({r.feature: r.after for r in move.reasons}, made)
            assert margin_of(x, c, own, to) == pytest.approx(move.margin, abs=1e-6)
            assert int(scores(np.append(x, 1.0)[:, None], c)[:, 0].argmax()) == to
        elif move.path == "change":
            # The parts add up to what is compared with the threshold between the two.
            assert total == pytest.approx(move.margin, abs=1e-9)
            assert move.margin > made.preset.eta + c.allowance[_SLOT[str(move.from_id)], to]
        else:
            assert total == pytest.approx(move.margin, abs=1e-9)
            assert move.margin > 0
    assert min(paths["first"], paths["position"], paths["change"]) > MOVERS // 4


@pytest.mark.parametrize("preset", [Preset(), LIKELY], ids=["distance", "likelihood"])
def test_in_a_year_of_silence_nobody_is_missed_moves_twice_or_is_late(preset: Preset) -> None:
    rng = np.random.default_rng(12)
    made = model(preset=preset)
    memory = Memory(SILENT)
    rows = np.array([memory.new_row(FIRST) for _ in range(SILENT)], dtype=np.int64)
    slow = [Slow(made, FIRST) for _ in rows]
    for day in range(60):
        for row, one in zip(rows.tolist(), slow, strict=True):
            orders, clicks = ((0.15, 0.5), (0.01, 0.55), (0.05, 0.2))[row % 3]
            today = a_day(rng, orders, clicks)
            live(memory, row, today)
            one.close(today)
        advance(memory, rows, np.full(SILENT, FIRST + day + 1), [(0, made)])
    expected = Counter(
        (row, day, moved[1])
        for row, one in zip(rows.tolist(), slow, strict=True)
        for day in range(FIRST + 61, FIRST + 426)
        if (moved := one.close()) is not None
    )
    moves = advance(memory, rows, np.full(SILENT, FIRST + 425), [(0, made)])
    assert Counter((m.row, m.day, m.to_id) for m in moves) == expected
    assert len(moves) >= SILENT // 2 and {m.cause for m in moves if m.day > FIRST + 64} == {"time"}
