"""Test the owner with River's clusterers: each row learned once as it arrives, and versions anchored, named and gated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from behaviour_world import ARCHETYPES, World

from models.behaviour.model import ClusterModel
from models.behaviour.panel import PanelRow
from models.learning import row_stream
from models.learning.clusterer_choice import ClustererChoice
from models.learning.kmeans import adjusted_rand
from models.learning.learner import Learner, LearnerConfig
from models.learning.river_centres import RiverCentres

CHOICES = ("KMeans:halflife=0.01", "STREAMKMeans:chunk_size=50,halflife=0.2")
CONFIG = LearnerConfig(k=5, frame_days=(90,), min_buyers=150, frame="standard", tolerance=0.02)


def config(text: str) -> LearnerConfig:
    return replace(CONFIG, clusterer=ClustererChoice.parse(text))


@pytest.fixture(scope="module", params=CHOICES)
def lived(request: pytest.FixtureRequest) -> World:
    world = World(customers=220, config=config(request.param))
    world.run(200)
    return world


def test_versions_come_and_every_one_keeps_ids_names_codes_and_slots(lived: World) -> None:
    versions = [model for _, model in lived.timeline]
    assert len(versions) >= 3 and lived.outcomes.count("moved") >= 2
    first = {(s.segment_id, s.name, s.code, s.slot) for s in versions[0].segments}
    kept = [first & {(s.segment_id, s.name, s.code, s.slot) for s in one.segments} for one in versions]
    assert min(map(len, kept)) >= 4
    for model in versions:
        assert ClusterModel.from_dict(model.to_dict()) == model
        assert len({s.name for s in model.segments}) == model.k == 5
        assert min(s.share for s in model.segments) > 0


def test_segments_are_the_kinds_of_customers(lived: World) -> None:
    names, kinds = [s.segment_id for s in lived.timeline[-1][1].segments], list(ARCHETYPES)
    labelled = [i for i in range(lived.customers) if lived.label(i) in names]
    ari = adjusted_rand(
        np.array([kinds.index(lived.truth[i]) for i in labelled]),
        np.array([names.index(str(lived.label(i))) for i in labelled]),
    )
    # Centres that follow the customers who happen to be last cannot match those of the whole panel.
    assert ari >= 0.5


@pytest.mark.parametrize("text", CHOICES)
def test_a_learner_restored_in_the_middle_of_a_week_goes_on_as_if_it_had_never_stopped(text: str) -> None:
    worlds = [World(customers=220, config=config(text)) for _ in range(2)]
    for world in worlds:
        world.run(95)
    stopped, twin = worlds
    again = Learner(twin.config)
    again.restore(stopped.learner.snapshot())
    twin.learner = again
    for world in worlds:
        world.run(60)
    assert stopped.learner.snapshot() == twin.learner.snapshot()
    assert [m.to_dict() for _, m in stopped.timeline] == [m.to_dict() for _, m in twin.timeline]
    assert stopped.moves == twin.moves and len(stopped.timeline) > 1


@pytest.mark.parametrize("other", ["PanelKMeans", "KMeans:halflife=0.02", CHOICES[1]])
def test_a_change_of_the_clusterer_goes_on_from_the_centres_in_force(other: str) -> None:
    world = World(customers=220, config=config(CHOICES[0]))
    world.run(95)
    learner = Learner(config(other))
    learner.restore(world.learner.snapshot())
    assert learner.model == world.learner.model
    learned = learner.learn(world.day + 7)
    before = world.timeline[-1][1]
    assert learned.model is None or {s.segment_id for s in learned.model.segments} == {
        s.segment_id for s in before.segments
    }


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[float, ...]]:
    points: Counter[tuple[float, ...]] = Counter()

    class Counting(RiverCentres):
        def learn_one(self, x: dict[int, float]) -> None:
            points[tuple(x.values())] += 1
            super().learn_one(x)

    monkeypatch.setattr(row_stream, "RiverCentres", Counting)
    return points


def test_each_row_is_learned_once_whenever_a_snapshot_is_taken(counted: Counter[tuple[float, ...]]) -> None:
    def learner(learns: Callable[[int], bool]) -> tuple[Learner, Counter[tuple[float, ...]]]:
        counted.clear()
        world = World(customers=220, config=config(CHOICES[0]))
        world.run(100)
        found = world.learner
        found.drain()
        counted.clear()
        rows = [(name, found.memory.dump(row)) for name, (row, _) in sorted(found.members.items())]
        for at, (customer, blob) in enumerate(rows * 2):
            found.observe(PanelRow(customer, world.day, blob))
            if learns(at):
                found.snapshot()
        found.drain()
        return found, Counter(counted)

    at_once, of_all = learner(lambda _: False)
    piecemeal, of_each = learner(lambda at: at % 7 == 0)
    assert of_all == of_each and set(of_all.values()) == {2}
    assert at_once.snapshot() == piecemeal.snapshot()


def test_rows_of_somebody_who_is_erased_meanwhile_are_not_learned(counted: Counter[tuple[float, ...]]) -> None:
    world = World(customers=220, config=config(CHOICES[0]))
    world.run(100)
    learner = world.learner
    learner.drain()
    counted.clear()
    blob = learner.memory.dump(learner.members["c0"][0])
    learner.observe(PanelRow("c0", world.day, blob))
    learner.observe(PanelRow("c0", 0, b""))
    learner.drain()
    assert not counted


def test_the_progressive_silhouette_is_of_the_rows_since_the_last_look() -> None:
    world = World(customers=220, config=CONFIG)
    world.run(98)
    figures: list[dict[str, Any]] = []
    for _ in range(14):
        rows = world.learner.stream._rows
        learned = world.learner.learn(world.day)
        if "inertia_ratio" in learned.figures:
            figures.append(learned.figures)
            assert learned.figures["panel_rows"] >= rows
            assert world.learner.stream._rows == 0
        world.run(1, learn=False)
    assert len(figures) >= 2
    assert all(0 < one["silhouette"] < 0.7 for one in figures)
