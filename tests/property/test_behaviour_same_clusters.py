"""Test that the same behaviour and clusters cause the same moves, after stops, renumbering and relearning.

A small shop runs for three months, once undisturbed and once with a change that must not matter. Every move of every
customer must recur, on the same day and for the same cause, and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from behaviour_world import World

from models.behaviour.layout import FloatArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.panel import PanelRow
from models.learning import kmeans, structure
from models.learning.kmeans import Fit, multi_start
from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.proposal import NEW_FRAME, Proposal, Trial

YOUNG, LIVED, END = 85, 155, 245
"""Days: before the first version, after the last frame, three months later."""
# More versions are published than usual.
CONFIG = LearnerConfig(k=5, min_buyers=150, frame="noise_whitened", tolerance=0.03)
KINDS = ("champion", "browser", "bargain", "big", "lapsed")

Between = Callable[[World], None]


def nothing(world: World) -> None:
    """Change nothing; the base of the changes made to an undisturbed shop."""


class Life:
    """A shop and every move in it, by customer, whatever row they are in."""

    def __init__(self, seed: int, config: LearnerConfig = CONFIG) -> None:
        self.world = World(customers=250, seed=seed, config=config)
        self.moves: list[Move] = []

    def until(self, day: int, before_each: Between = nothing) -> Life:
        """Return a copy that has run until that day. A tenth of the customers change on day 150, or hardly any would move."""
        life = deepcopy(self)
        world = life.world
        while len(world.outcomes) < day:
            if len(world.outcomes) == 150:
                for i in range(25):
                    world.truth[i] = KINDS[i % 5 - 1]
                world.quiet |= set(range(100, 106))
            before_each(world)
            seen = len(world.moves)
            world.run(1)
            customer = {int(row): i for i, row in enumerate(world.rows)}
            found = (msgspec.structs.replace(move, row=customer[move.row]) for move in world.moves[seen:])
            life.moves += sorted(found, key=lambda move: (move.day, move.row))
        return life

    @property
    def rows(self) -> list[tuple[int, int, str | None, str, str, str]]:
        """Return day, customer, from, to, cause and path of each move."""
        return [(m.day, m.row, m.from_id, m.to_id, m.cause, m.path) for m in self.moves]

    @property
    def model(self) -> ClusterModel:
        assert self.world.learner.model is not None
        return self.world.learner.model


@pytest.fixture(scope="module", params=(7, 8, 9))
def begun(request: pytest.FixtureRequest) -> Life:
    """Return a shop before its first version."""
    return Life(request.param).until(YOUNG)


@pytest.fixture(scope="module")
def undisturbed(begun: Life) -> Life:
    life = begun.until(END)
    assert life.world.learner.state.frames_done == 3 and len(life.world.timeline) > 3
    late = [move for move in life.moves if move.day > life.world.day - (END - LIVED)]
    assert len({move.row for move in late}) > 15 and {"event", "time"} <= {move.cause for move in late}
    return life


def identities(model: ClusterModel) -> set[tuple[str, str]]:
    return {(segment.segment_id, segment.name) for segment in model.segments}


def restarted(learner: Learner) -> Learner:
    again = Learner(learner.config)
    again.restore(learner.snapshot())
    return again


def test_restarts_of_the_owner_and_of_lanes_change_not_one_bit(begun: Life, undisturbed: Life) -> None:
    rng = np.random.default_rng(1)

    def stop_now_and_then(world: World) -> None:
        if rng.random() < 0.3:
            world.learner = restarted(world.learner)
        if rng.random() < 0.3:
            world.timeline = [(day, ClusterModel.from_dict(model.to_dict())) for day, model in world.timeline]
            memory, rows = Memory(1), np.empty_like(world.rows)
            for i in rng.permutation(world.customers).tolist():
                rows[i] = memory.load(world.memory.dump(int(world.rows[i])))
            world.memory, world.rows = memory, rows

    stopped = begun.until(END, stop_now_and_then)
    assert stopped.moves == undisturbed.moves
    assert stopped.world.timeline == undisturbed.world.timeline
    assert stopped.world.learner.snapshot() == undisturbed.world.learner.snapshot()


def looked_at(life: Life) -> bytes:
    """Return the owner's snapshot after one more look at the panel."""
    learner = restarted(life.world.learner)
    learner._draw_sample(life.world.day)
    return learner.snapshot()


class Disordered(Learner):
    """Observes a day's customers in any order, and some of them again, up to two weeks late."""

    def __init__(self, config: LearnerConfig) -> None:
        super().__init__(config)
        self.rng = np.random.default_rng(2)
        self.observed: list[PanelRow] = []
        self.again: list[tuple[int, PanelRow]] = []

    def observe(self, row: PanelRow) -> None:
        self.observed.append(row)

    def learn(self, day: int) -> Learned:
        repeated = [row for row in self.observed if self.rng.random() < 0.5]
        self.again += [(row.day + int(self.rng.integers(15)), row) for row in repeated]
        rows = [*self.observed, *(row for due, row in self.again if due == day)]
        for at in self.rng.permutation(len(rows)).tolist():
            super().observe(rows[at])
        self.observed = []
        return super().learn(day)


def test_an_owner_who_hears_of_customers_in_another_order_learns_the_same(undisturbed: Life) -> None:
    life = Life(undisturbed.world.seed)
    life.world.learner = Disordered(CONFIG)
    disordered = life.until(END)
    assert disordered.moves == undisturbed.moves
    assert disordered.world.timeline == undisturbed.world.timeline
    # A customer with late events is stepped again at the next evaluation.
    assert looked_at(disordered) == looked_at(undisturbed)


class Renumbered(Learner):
    """Publishes every version with its segments in another order."""

    def __init__(self, config: LearnerConfig) -> None:
        super().__init__(config)
        self.rng = np.random.default_rng(3)

    def learn(self, day: int) -> Learned:
        learned = super().learn(day)
        if learned.model is None:
            return learned
        order = self.rng.permutation(learned.model.k)
        segments = tuple(learned.model.segments[i] for i in order)
        return replace(learned, model=replace(learned.model, segments=segments))


def test_clusters_that_are_found_in_another_order_make_the_same_moves(
    begun: Life, undisturbed: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first version on, gives the lanes other codes, other slots and another order."""
    rng = np.random.default_rng(4)

    def shuffled_start(z: FloatArray, k: int, given: np.random.Generator) -> Fit:
        fit, order = multi_start(z, k, given), rng.permutation(k)
        return Fit(fit.centroids[order], np.argsort(order)[fit.labels], fit.inertia)

    for module in (kmeans, structure):
        monkeypatch.setattr(module, "multi_start", shuffled_start)
    life = deepcopy(begun)
    life.world.learner = Renumbered(CONFIG)
    life.world.learner.restore(begun.world.learner.snapshot())
    renumbered = life.until(END)
    slots = [{s.segment_id: (s.code, s.slot) for s in one.model.segments} for one in (renumbered, undisturbed)]
    assert slots[0] != slots[1]
    assert renumbered.rows == undisturbed.rows
    for (day, model), (same_day, same) in zip(renumbered.world.timeline, undisturbed.world.timeline, strict=True):
        assert day == same_day and identities(model) == identities(same)
        assert [t.kind for t in model.transitions] == [t.kind for t in same.transitions]


def adopted(life: Life, model: ClusterModel, in_force: int) -> ClusterModel:
    """Let the owner adopt these clusters today, for lanes to use from a day on."""
    world = life.world
    made = world.learner.adopt(Proposal(1, world.day, NEW_FRAME, model, Trial(0, 0)), world.day)
    world.learner.state.timeline[-1] = (in_force, made)
    world.timeline.append((in_force, made))
    return made


def other_fit(life: Life, seed: int) -> ClusterModel:
    """Return other starts in the same frame: clusters in any order, without names."""
    learner, model = life.world.learner, life.model
    sample, _ = learner._draw_sample(life.world.day)
    fit = multi_start(sample.points(model.frame), model.k, np.random.default_rng(seed))
    found = learner._build(sample, model.frame, fit, [None] * model.k)
    assert not identities(found) & identities(model)
    return found


def test_refits_that_find_the_same_clusters_move_nobody(begun: Life) -> None:
    lived = begun.until(LIVED)
    lived.world.learner.config = replace(CONFIG, tolerance=9.0, table_tolerance=9.0)
    day = lived.world.day
    # From here on, only today's clusters are published where they settle.
    before = adopted(lived, lived.model, day + 1)
    once = lived.until(END)
    for number, seed in enumerate((11, 12, 13), 1):
        after = adopted(lived, other_fit(lived, seed), day + 1 + 15 * number)
        assert [(s.segment_id, s.name, s.code, s.slot) for s in after.segments] == [
            (s.segment_id, s.name, s.code, s.slot) for s in before.segments
        ]
        assert {(t.kind, t.overlap) for t in after.transitions} == {("survive", 1.0)}
        for old, new in zip(before.segments, after.segments, strict=True):
            assert new.centroid == pytest.approx(old.centroid, abs=1e-9), "the starts found other clusters"
    refitted = lived.until(END)
    assert (once.model.version, refitted.model.version) == (before.version, before.version + 3)
    assert {move.version for move in refitted.moves} >= {before.version + step for step in range(4)}
    assert refitted.rows == once.rows
    assert len(once.moves) > len(lived.moves) + 15
    assert "refit" not in {move.cause for move in refitted.moves[len(lived.moves) :]}


def test_new_fits_from_other_starts_move_the_same_customers(begun: Life) -> None:
    """A challenger that always wins: every second week the clusters are found again, and carried by their members."""

    def stop(world: World) -> None:
        world.learner = restarted(world.learner)

    lives = []
    for seed, between in ((1, nothing), (2, stop)):
        life = begun.until(LIVED)
        life.world.learner.config = replace(
            CONFIG, better=-1.0, streak=2, tolerance=9.0, table_tolerance=9.0, seed=seed
        )
        lives.append(life.until(END, between))
    one, other = lives
    assert len(one.world.timeline) == len(other.world.timeline) > (END - LIVED) // 14
    for (_, model), (_, same) in zip(one.world.timeline, other.world.timeline, strict=True):
        for mine, theirs in zip(model.segments, same.segments, strict=True):
            assert mine.centroid == pytest.approx(theirs.centroid, abs=1e-9), "the starts found other clusters"
    assert one.rows == other.rows
    first = one.world.timeline[0][1]
    assert {frozenset(identities(model)) for _, model in one.world.timeline} == {frozenset(identities(first))}
