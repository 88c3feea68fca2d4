"""Test proposals previewed, approved and rejected, and segments renamed. Nobody moves except as approved."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from behaviour_world import World

from models.behaviour.daily_step import advance
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.learning.decisions import approve, name_refused, reject, rename
from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.proposal import NEW_NUMBER, TRIAL_DAYS, Proposal


@pytest.fixture(scope="module")
def proposing() -> World:
    """A shop with five kinds, an owner configured for three, lanes that follow it, and a proposal of five."""
    world = World(customers=240, config=LearnerConfig(k=3, frame_days=(90,), min_buyers=150))
    world.run(125)
    world.learner.config = replace(world.config, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)
    while world.learner.state.proposal is None:
        world.run(1)
    return world


def copy_of(world: World, **config: object) -> Learner:
    learner = Learner(replace(world.learner.config, **config))  # type: ignore[arg-type]
    learner.restore(world.learner.snapshot())
    return learner


def waiting(learner: Learner) -> Proposal:
    assert learner.state.proposal is not None
    return learner.state.proposal


def published(learned: Learned) -> ClusterModel:
    assert learned.model is not None
    return learned.model


def played(world: World, model: ClusterModel, days: int) -> dict[int, str]:
    """Return who is moved by ``model`` alone in this many silent days, and where to."""
    memory = Memory(world.customers)
    rows = np.array([memory.load(world.memory.dump(int(row))) for row in world.rows])
    timeline = [*world.timeline, (world.day + 1, model)]
    moves = advance(memory, rows, np.full(len(rows), world.day + days), timeline)
    return {move.row: move.to_id for move in reversed(moves) if move.cause == "refit"}


def test_a_trial_says_what_lanes_would_do(proposing: World) -> None:
    proposal = waiting(copy_of(proposing))
    assert (proposal.number, proposal.why, proposal.model.k) == (1, NEW_NUMBER, 5)
    moved = played(proposing, proposal.model, TRIAL_DAYS)
    # The panel is the whole shop here, one night behind.
    assert abs(proposal.trial.moved - len(moved)) <= 0.1 * len(moved)
    assert proposal.trial.moved == sum(count for *_, count in proposal.trial.flows)
    assert 0.05 < proposal.trial.share < 0.6
    assert Proposal.from_dict(proposal.to_dict()) == proposal


def test_an_approved_proposal_is_published_once_and_keeps_who_survives(proposing: World) -> None:
    learner = copy_of(proposing)
    before, proposal = proposing.timeline[-1][1], waiting(learner)
    assert approve(learner, proposal.number + 1, proposing.day).outcome == "kept"
    model = published(approve(learner, proposal.number, proposing.day))
    assert (model.k, model.parent, model.version) == (5, before.version, before.version + 1)
    assert approve(learner, proposal.number, proposing.day).outcome == "kept" and learner.model == model
    kept = {s.segment_id: s for s in before.segments}
    survivors = [s for s in model.segments if s.segment_id in kept]
    assert survivors and all(s.name == kept[s.segment_id].name for s in survivors)
    assert {t.kind for t in model.transitions} >= {"survive", "appear"}
    assert played(proposing, model, 30)


def test_other_clusters_are_no_sign_that_the_shop_has_changed(proposing: World) -> None:
    """Distances to five centres are shorter than to three."""
    world = deepcopy(proposing)
    approve(world.learner, waiting(world.learner).number, world.day)
    world.timeline = world.learner.state.timeline
    figures = []
    for _ in range(5):
        world.run(7, learn=False)
        learned = world.learner.learn(world.day)
        assert learned.proposal is None
        figures.append(learned.figures)
    assert all(found["adwin"] == 0 for found in figures)


def test_a_rejected_proposal_is_not_made_again_for_a_while(proposing: World) -> None:
    learner = copy_of(proposing)
    number = waiting(learner).number
    refused = reject(learner, number, proposing.day)
    assert refused.outcome == "rejected" and refused.model is None and learner.state.proposal is None
    subjects = {}
    for days in (90, 0):
        again = Learner(replace(learner.config, no_means_days=days))
        again.restore(learner.snapshot())
        made = [again.learn(proposing.day + day).proposal for day in range(7, 36, 7)]
        subjects[days] = {proposal.subject for proposal in made if proposal is not None}
        assert all(proposal.number > number for proposal in made if proposal is not None)
    assert "segments:5" in subjects[0] and "segments:5" not in subjects[90]


def test_a_waiting_proposal_is_not_made_again(proposing: World) -> None:
    learner = copy_of(proposing)
    proposal = waiting(learner)
    assert {learner.learn(proposing.day + day).outcome for day in range(7, 60, 7)} == {"kept"}
    assert learner.state.proposal == proposal


def test_a_proposal_within_the_budget_is_adopted_by_itself() -> None:
    shares = {}
    for budget in (0.0, 1.0):
        world = World(customers=240, config=LearnerConfig(k=3, frame_days=(90,), min_buyers=150))
        world.run(125)
        world.learner.config = replace(
            world.config, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0, adopt_share=budget
        )
        found = [world.learner.learn(world.day + day) for day in range(0, 42, 7)]
        made = next(one for one in found if one.proposal is not None)
        shares[budget] = made.outcome
        assert (made.model is not None) == (budget == 1.0)
    assert shares == {0.0: "proposed", 1.0: "promoted"}


def test_a_renamed_segment_keeps_its_name_and_moves_nobody(proposing: World) -> None:
    learner = copy_of(proposing)
    before = published_now(learner)
    id = before.segments[0].segment_id
    renamed = published(rename(learner, id, "Regulars", proposing.day))
    assert renamed.version == before.version + 1 and renamed.parent == before.version
    assert [s.name for s in renamed.segments if s.segment_id == id] == ["Regulars"]
    assert replace(renamed, version=9, parent=0, transitions=()) == replace(
        before,
        version=9,
        parent=0,
        transitions=(),
        segments=tuple(replace(s, name="Regulars") if s.segment_id == id else s for s in before.segments),
    )
    assert played(proposing, renamed, 60) == {}
    assert rename(learner, id, "Regulars", proposing.day).outcome == "kept"
    again = Learner(learner.config)
    again.restore(learner.snapshot())
    adopted = published(approve(again, waiting(again).number, proposing.day + 3))
    assert adopted.k == 5 and [s.name for s in adopted.segments if s.segment_id == id] in (["Regulars"], [])
    assert [s.name for s in adopted.segments].count("Regulars") <= 1
    # The prototype's name is not given to another segment while its first bearer exists.
    assert before.segments[0].name not in {s.name for s in adopted.segments}


def published_now(learner: Learner) -> ClusterModel:
    assert learner.model is not None
    return learner.model


@pytest.mark.parametrize(
    ("id", "name", "why"),
    [
        ("nobody", "Regulars", "unknown"),
        ("champions", "", "empty"),
        ("champions", " Regulars", "empty"),
        ("champions", "Re\ngulars", "empty"),
        ("champions", "x" * 61, "long"),
        ("champions", "Champions", "same"),
        ("champions", None, "taken"),
        ("champions", "常客", None),
    ],
)
def test_names_that_will_not_do(proposing: World, id: str, name: str | None, why: str | None) -> None:
    model = published_now(proposing.learner)
    others = [s.name for s in model.segments if s.segment_id != "champions"]
    assert model.by_id("champions") is not None
    assert name_refused(model, id, others[0] if name is None else name) == why
