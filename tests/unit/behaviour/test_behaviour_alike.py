"""Test shops whose customers are inseparable: one segment, and a second one once there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from models.behaviour.daily_step import advance
from models.behaviour.features import block_of
from models.behaviour.layout import AREA, CUSUM, LAST_ORDER, FloatArray
from models.behaviour.memory import Memory
from models.behaviour.model import CONSERVATIVE, DISTANCE, ClusterModel, Evidence, Preset
from models.behaviour.moves import Move
from models.behaviour.panel import PanelRow
from models.learning.build import sample_of
from models.learning.diary import Diary
from models.learning.frame import fit_priors, is_uninformative, standard, volume
from models.learning.kmeans import multi_start
from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.naming import EVERYBODY
from models.learning.owner_snapshot import Saved
from models.learning.separation import SEPARABLE_NATS, nats_apart, steps_apart, supported

FIRST = 20_000
CONFIG = LearnerConfig(min_buyers=150, min_members=60)
Orders = Callable[[int, int, np.random.Generator], int]
"""Return the minor units that customer i orders on a day (from 0); 0 for no order."""


class Shop:
    """Customers who only order, and their owner."""

    def __init__(self, orders: Orders, customers: int = 240, seed: int = 1, config: LearnerConfig = CONFIG) -> None:
        self.orders, self.rng = orders, np.random.default_rng(seed)
        self.memory, self.learner = Memory(customers), Learner(config)
        self.rows = np.array([self.memory.new_row(FIRST) for _ in range(customers)], dtype=np.int64)
        self.day = 0
        self.moves: list[Move] = []
        self.learned: list[tuple[int, Learned]] = []
        self.timeline: list[tuple[int, ClusterModel]] = []

    def run(self, until: int, learn: bool = True) -> Shop:
        for day in range(self.day, until):
            for i, row in enumerate(self.rows.tolist()):
                money = self.orders(i, day, self.rng)
                if money:
                    self.memory.add_order(row, money, False, [])
                    self.learner.observe(PanelRow(f"c{i}", FIRST + day, self.memory.dump(row)))
            if learn:
                learned = self.learner.learn(FIRST + day)
                self.learned.append((day, learned))
                if learned.model is not None:
                    self.timeline.append((FIRST + day + 1, learned.model))
            target = np.full(len(self.rows), FIRST + day + 1)
            self.moves += advance(self.memory, self.rows, target, self.timeline)
        self.day = until
        return self

    @property
    def model(self) -> ClusterModel:
        return self.timeline[-1][1]

    def sample(self) -> tuple[FloatArray, list[Diary]]:
        block = block_of(self.memory, self.rows)
        return block, [Diary(FIRST, FIRST) for _ in self.rows]


def subscriber(i: int, day: int, rng: np.random.Generator) -> int:
    """Return 990 every 30 days, each customer on a different day."""
    return 990 * (day % 30 == i % 30)


def by_chance(i: int, day: int, rng: np.random.Generator) -> int:
    return 2_500 * int(rng.random() < 1 / 20)


@pytest.mark.parametrize("orders", [subscriber, by_chance])
def test_customers_who_are_alike_are_one_segment_and_nobody_moves(orders: Orders) -> None:
    shop = Shop(orders).run(240)
    assert {(m.k, m.segments[0].name) for _, m in shop.timeline} == {(1, EVERYBODY)}
    assert [move for move in shop.moves if move.from_id not in (None, "new")] == []
    # The owner reports the reason: two groups were tried, and were not separable.
    why = [learned.figures for _, learned in shop.learned if "supported_k" in learned.figures]
    assert why and all(figures["supported_k"] == 1 for figures in why)


def test_a_second_segment_comes_by_itself_once_it_is_separable() -> None:
    """From day 170 on, half of the customers buy every ten days, and for four times as much."""

    def orders(i: int, day: int, rng: np.random.Generator) -> int:
        return 4_000 * (day % 10 == i % 10) if i % 2 and day >= 170 else subscriber(i, day, rng)

    shop = Shop(orders).run(170)
    assert shop.model.k == 1
    shop.run(330)
    promoted = [day for day, learned in shop.learned if learned.outcome == "promoted" and day > 170]
    # Two runs in succession, a fortnight apart, without a proposal.
    assert promoted and promoted[0] >= 184 and shop.model.k == 2
    assert [learned.proposal for day, learned in shop.learned if day == promoted[0]] == [None]
    assert EVERYBODY not in {s.name for s in shop.model.segments}
    codes = np.array([shop.memory.segment_code(int(row)) for row in shop.rows])
    assert len(set(codes[::2])) == len(set(codes[1::2])) == 1 and codes[0] != codes[1]
    assert {m.cause for m in shop.moves if m.from_id == "everybody"} == {"refit"}


def test_groups_are_separated_by_what_is_seen_and_by_what_their_members_did() -> None:
    def two_prices(i: int, day: int, rng: np.random.Generator) -> int:
        return (2_500 + 2_500 * (i % 2)) * int(rng.random() < 1 / 15)

    def a_tenth_dearer(i: int, day: int, rng: np.random.Generator) -> int:
        return (2_500 + 250 * (i % 2)) * int(rng.random() < 1 / 15)

    found = {}
    for orders in (two_prices, a_tenth_dearer, by_chance):
        shop = Shop(orders).run(150, learn=False)
        block, diaries = shop.sample()
        sample = sample_of(block, diaries, Evidence(), FIRST + 150, [f"c{i}" for i in range(240)])
        stats = sample.under(sample.gap_cv2)
        frame = standard(stats, replace(fit_priors(stats), gap_cv2=sample.gap_cv2))
        fit = multi_start(sample.points(frame), 2, np.random.default_rng(1))
        figures: dict[str, float] = {}
        k, _ = supported(sample, frame, 4, np.random.default_rng(1), figures)
        assert figures["supported_k"] == k
        found[orders] = (k, nats_apart(sample, fit, frame), steps_apart(sample, fit, frame))
    assert found[two_prices][0] == 2 and found[two_prices][1] > SEPARABLE_NATS and found[two_prices][2] > 1
    assert found[a_tenth_dearer][0] == 1
    assert found[by_chance][0] == 1 and found[by_chance][1] < SEPARABLE_NATS


def test_where_nobody_differs_frames_have_one_axis_that_says_nothing() -> None:
    shop = Shop(subscriber).run(120, learn=False)
    block, diaries = shop.sample()
    sample = sample_of(block, diaries, Evidence(), FIRST + 120, [f"c{i}" for i in range(240)])
    stats = sample.under(sample.gap_cv2)
    plain = standard(stats, replace(fit_priors(stats), gap_cv2=sample.gap_cv2))
    assert is_uninformative(plain) and len(plain.weights[0]) == 1
    steps = volume(stats, sample.gap_cv2)
    assert len(steps.weights[0]) == 1 and np.isfinite(sample.points(steps)).all()


def layout_2(blob: bytes) -> bytes:
    """Return the blob as the previous release would have written it."""
    return b"\x02" + blob[1 : 1 + 4 * LAST_ORDER] + blob[1 + 4 * (LAST_ORDER + 4) :]


def test_after_an_upgrade_nobody_moves_but_by_a_refit() -> None:
    """The old program had found five segments of phases; the new one takes over its states, models and snapshot."""
    shop = Shop(subscriber, config=replace(CONFIG, k=5)).run(130)
    old = shop.timeline[-1][1]
    phases = replace(old, frame=replace(old.frame, priors=replace(old.frame.priors, gap_cv2=None)), version=99)
    # What the old program would know: no rhythm anywhere, and a version in which the phase is position.
    for row in shop.rows.tolist():
        shop.memory.reload(row, layout_2(shop.memory.dump(row)))
    state = shop.learner.state
    state.timeline, state.last_version = [(FIRST + 131, phases)], 99
    for row, _ in shop.learner.members.values():
        shop.learner.memory.reload(row, layout_2(shop.learner.memory.dump(row)))
    shop.timeline = [(FIRST + 131, phases)]
    shop.learner.config = CONFIG
    shop.moves.clear()
    state.frames_done = 3
    shop.run(260)
    upgraded, first = next((day, m) for day, m in shop.timeline if m.frame.priors.gap_cv2 is not None)
    assert first.k == 1 and first.frame.priors.gap_cv2 == pytest.approx(0.0, abs=1e-6)
    after = [m for m in shop.moves if m.day >= upgraded and m.from_id is not None]
    assert {m.cause for m in after} == {"refit"} and {m.to_id for m in after} == {first.segments[0].segment_id}


def test_after_an_upgrade_an_ordinary_shop_keeps_its_segments() -> None:
    def orders(i: int, day: int, rng: np.random.Generator) -> int:
        often, dear = i % 2, i % 3 == 0
        return (9_000 if dear else 2_000) * int(rng.random() < (0.25 if often else 0.04))

    shop = Shop(orders).run(170)
    before = shop.model
    blind = replace(before, frame=replace(before.frame, priors=replace(before.frame.priors, gap_cv2=None)))
    shop.learner.state.timeline = shop.timeline = [(FIRST + 171, blind)]
    shop.run(178)
    after = shop.model
    assert after.frame.priors.gap_cv2 is not None and after.frame.priors.gap_cv2 > 0.5
    assert replace(after.frame, priors=before.frame.priors) == before.frame
    assert [s.segment_id for s in after.segments] == [s.segment_id for s in before.segments]


def test_after_an_upgrade_the_same_clusters_are_published_with_the_rules_of_today() -> None:
    def orders(i: int, day: int, rng: np.random.Generator) -> int:
        often, dear = i % 2, i % 3 == 0
        return (9_000 if dear else 2_000) * int(rng.random() < (0.25 if often else 0.04))

    shop = Shop(orders, config=replace(CONFIG, frame="standard", preset=Preset())).run(178)
    before = shop.model
    assert before.preset.statistic == DISTANCE and before.k > 1
    shop.learner.config = replace(shop.learner.config, preset=CONSERVATIVE)
    shop.run(186)
    assert shop.model.preset == CONSERVATIVE and shop.model.frame == before.frame
    assert [s.segment_id for s in shop.model.segments] == [s.segment_id for s in before.segments]


def test_earlier_looks_of_an_older_snapshot_hold_phases_and_are_dropped() -> None:
    shop = Shop(subscriber).run(130)
    data = shop.learner.snapshot()
    saved = msgspec.msgpack.decode(data, type=Saved)
    assert saved.noise_samples
    again = Learner(CONFIG)
    again.restore(data)
    assert again.state.noise_samples
    saved.format = 3
    again.restore(msgspec.msgpack.encode(saved))
    assert again.state.noise_samples == [] and again.model is not None


def test_reasons_of_a_regular_buyer_s_moves_add_up() -> None:
    """Who stops or doubles is moved by the path that counts their own rhythm, and the parts of the reason are exact."""

    def orders(i: int, day: int, rng: np.random.Generator) -> int:
        if i % 4 == 1:
            return 6_000 * (day % 10 == i % 10)
        if i % 4 == 2 and day > 180:
            return 0
        if i % 4 == 3 and day > 200:
            return 6_000 * (day % 10 == i % 10)
        if i % 8 == 4:
            return 990 * (day in (1, 31))  # lapsed from the start
        return subscriber(i, day, rng)

    shop = Shop(orders).run(330)
    own = [m for m in shop.moves if m.from_id not in (None, "new") and m.cause != "refit" and m.day > FIRST + 180]
    assert len(own) > 20 and {m.path for m in own} >= {"change"}
    for move in own:
        total = sum(reason.contribution for reason in move.reasons)
        if move.path == "change":
            assert total == pytest.approx(move.margin, abs=1e-9)
            column = shop.memory.matrix[move.row]
            assert np.isfinite(column[CUSUM : AREA + 1]).all()
    # Nobody who kept their rhythm has moved of their own accord.
    assert {i for m in own for i in [int(np.flatnonzero(shop.rows == m.row)[0])] if i % 4 == 1 or i % 8 == 0} == set()
