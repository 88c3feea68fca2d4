"""Test shops that record only orders: their truth, their goals, and the evaluation of two of them."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from models.behaviour.memory import Memory
from models.behaviour.moves import Move
from models.learning.learner import Learner, LearnerConfig
from streamer.commands.evaluate import _of_commit
from streamer.commands.evaluate_shops import ORDERS, names_of
from streamer.evaluate.activity import fold
from streamer.evaluate.bench import Run
from streamer.evaluate.gate import TARGETS, missed
from streamer.evaluate.metrics import LONG_AGO, Scores, Truth
from streamer.evaluate.order_shops import ALIKE, SHOPS, STOPPED, order_shop
from streamer.evaluate.stillness import stillness
from streamer.evaluate.suite import Row, ours

GOOD = Scores(0.95, 0.95, 0.9, 0.99, 1.0, 0.2, 0.5, 0.01, 0.9, 40, 10, 6)
ROW = Row("stationary", 7, "conservative", 100, GOOD, batch_ari_off=0.99, names=0.97)


@pytest.mark.parametrize("name", SHOPS)
def test_a_shop_is_the_same_each_time_and_its_truth_is_that_of_its_orders(name: str) -> None:
    activity, truth = order_shop(name, 3, customers=60)
    again, _ = order_shop(name, 3, customers=60)
    other, _ = order_shop(name, 4, customers=60)
    assert np.array_equal(activity.buckets, again.buckets) and activity.events.sum() == again.events.sum()
    assert not np.array_equal(activity.events, other.events)
    assert (truth.kind[activity.days] >= 0).all() and (truth.kind[0] == -1).sum() > 30
    names, place = SHOPS[name].names, list(range(60))
    for customer in place:
        begun = int(np.flatnonzero(truth.kind[:, customer] >= 0)[0])
        assert activity.met[customer] >= begun
        if truth.after[customer] >= 0:
            assert truth.kind[activity.days, customer] == truth.after[customer]
            assert names[int(truth.kind[truth.changed[customer] - 1, customer])] in SHOPS[name].becomes
    if STOPPED in names:
        assert truth.stopped == names.index(STOPPED)
        gone = np.flatnonzero((truth.after == truth.stopped) & (truth.changed < activity.days))
        last = {c: int(activity.day[activity.customer == c].max()) for c in gone.tolist()}
        assert all(last[c] < truth.changed[c] or last[c] == activity.met[c] for c in last)


def test_a_clock_keeps_its_rhythm() -> None:
    activity, truth = order_shop("weekly-same", 1, customers=20)
    assert truth.regular is not None and truth.regular.all()
    for customer in range(20):
        assert set(np.diff(activity.day[activity.customer == customer])) == {7}


def test_every_shop_of_orders_has_its_targets_and_is_offered() -> None:
    assert {name for name, _ in TARGETS} >= set(SHOPS) and set(ORDERS) == set(SHOPS)
    assert names_of(["stationary", "orders"]) == ["stationary", *ORDERS]
    assert _of_commit("00ff0010abc") == (255, 16)


def move(day: int, row: int, cause: str = "time") -> Move:
    return Move(row, day, "a", "b", 1, cause, "change", 1.0, 1.0, (), {})


def test_stillness_by_hand() -> None:
    """Four customers order every ten days from day 0; the third stops after day 200, the fourth was late all along."""
    days, first = 300, 1_000
    orders = [(c, d) for c in range(4) for d in range(0, 300, 10) if c != 2 or d <= 200]
    rows = np.zeros((len(orders), 14))
    rows[:, [0, 5]] = 1
    customer = np.array([c for c, _ in orders])
    day = np.array([d for _, d in orders])
    activity = fold([f"c{i}" for i in range(4)], first, days, day, customer, rows, np.ones(len(orders), dtype=np.int64))
    kind = np.zeros((days + 1, 4), dtype=np.int8)
    kind[205:, 2] = 1
    changed = np.array([LONG_AGO, LONG_AGO, 205, LONG_AGO])
    truth = Truth(
        kind,
        activity.met,
        changed,
        np.array([-1, -1, 1, -1]),
        gap=np.full(4, 10.0),
        regular=np.array([True, True, False, False]),
        stopped=1,
    )
    labels = np.full((days + 1, 4), 2, dtype=np.int16)
    # Due on day 210; 1.5 gaps later is 225. Detected on 224, and it stays.
    labels[224:, 2] = 3
    moves = [move(first + 224, 2), move(first + 180, 0), move(first + 190, 3), move(first + 190, 1, "refit")]
    run = Run(labels, labels > 1, moves, [], Memory(1), Learner(LearnerConfig()))
    found = stillness(run, activity, truth)
    events = int(activity.events[150:].sum())
    # The third's move follows its change; a refit is nobody's doing.
    assert found.own == pytest.approx(1_000 * 2 / events)
    assert found.monthly == pytest.approx(1_000 * 30 * 2 / (4 * 150))
    assert found.regulars_moved == 1 and found.stops_seen == 1.0
    labels[224:227, 2] = 2
    assert stillness(run, activity, truth).stops_seen == 0.0
    assert np.isnan(stillness(run, activity, replace(truth, gap=None)).stops_seen)


def test_the_gate_asks_alike_shops_for_one_segment_and_the_others_for_more() -> None:
    still = replace(ROW, scenario="alike", scores=replace(GOOD, spurious=0.0, segments=1))
    assert missed([still]) == []
    assert len(missed([replace(still, scores=replace(GOOD, spurious=0.1, segments=2))])) == 2
    weekly = replace(ROW, scenario="weekly", own=1.0, regulars_moved=0, stops_seen=0.95)
    assert missed([weekly]) == []
    # Publishing one segment where there are kinds agrees with nobody.
    assert "ari" in missed([replace(weekly, scores=replace(GOOD, ari=0.0))])[0]
    assert [s.split(": ")[1].split(" is ")[0] for s in missed([replace(weekly, stops_seen=nan, regulars_moved=1)])] == [
        "regulars_moved",
        "stops_seen",
    ]


@pytest.mark.parametrize("name", [*ALIKE[:2], "weekly"])
def test_small_shops_are_within_their_gates(name: str) -> None:
    activity, truth = order_shop(name, 11)
    row = ours(name, 11, "conservative", activity, truth, LearnerConfig())
    assert missed([row]) == []
