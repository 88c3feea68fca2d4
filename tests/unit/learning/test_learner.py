from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from behaviour_world import FIRST_DAY, World

from models.behaviour.layout import FIRST_DAY as FIRST_DAY_COLUMN
from models.behaviour.layout import LAST_EVENT
from models.behaviour.model import ClusterModel
from models.behaviour.panel import PanelRow, in_panel
from models.learning.decisions import approve
from models.learning.kmeans import adjusted_rand, nearest
from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.watch import stability_index
from schemas.errors import InvariantViolation


@pytest.fixture(scope="module")
def settled() -> World:
    """A shop of 300 after 170 days, and 100 more in which 15 customers change and 10 fall silent."""
    world = World()
    world.run(170)
    for i in range(15):
        world.truth[5 * i + 3] = "champion"  # browsers begin to buy
    for i in range(10):
        world.quiet.add(5 * (i + 20))  # champions vanish
    world.run(100)
    return world


def test_clusters_are_the_archetypes_and_are_named_for_them(settled: World) -> None:
    model = settled.timeline[-1][1]
    names = {s.segment_id for s in model.segments}
    # The lapsed still look in once a month: that is occasionally, not inactive for long.
    assert names == {"champions", "big_ticket", "bargain_hunters", "browsers", "occasional"}
    expected = {
        "champion": "champions",
        "big": "big_ticket",
        "bargain": "bargain_hunters",
        "browser": "browsers",
        "lapsed": "occasional",
    }
    # Those who were moved about, or have no evidence yet, are checked below.
    plain = [i for i in range(150, 300) if i not in settled.quiet and settled.label(i) != "new"]
    labels, kinds = sorted(names), sorted(expected)
    ari = adjusted_rand(
        np.array([kinds.index(settled.truth[i]) for i in plain]),
        np.array([labels.index(str(settled.label(i))) for i in plain]),
    )
    assert ari >= 0.9
    assert np.mean([settled.label(i) == expected[settled.truth[i]] for i in plain]) >= 0.95


def test_customers_who_do_not_change_hold_still(settled: World) -> None:
    movers = {5 * i + 3 for i in range(15)} | settled.quiet
    rows = {int(row): i for i, row in enumerate(settled.rows)}
    still = [m for m in settled.moves if m.day > FIRST_DAY + 170 and m.from_id != "new" and rows[m.row] not in movers]
    customer_months = (settled.customers - len(movers)) * 100 / 30
    assert 1_000 * len(still) / customer_months < 12


def test_customers_who_change_are_seen(settled: World) -> None:
    rows = settled.rows
    found = {}
    for i in (5 * j + 3 for j in range(15)):
        arrived = [m for m in settled.moves if m.row == rows[i] and m.to_id == "champions" and m.day > FIRST_DAY + 170]
        if arrived:
            found[i] = arrived[0]
    assert len(found) >= 12
    assert np.median([m.day - FIRST_DAY - 170 for m in found.values()]) <= 50
    assert Counter(m.cause for m in found.values())["event"] >= 10
    assert "change" in {m.path for m in found.values()}
    change = next(m for m in found.values() if m.path == "change")
    assert change.reasons[0].feature == "orders" and change.reasons[0].after > change.reasons[0].before


def test_silence_is_seen_without_any_event(settled: World) -> None:
    for i in settled.quiet:
        left = [m for m in settled.moves if m.row == settled.rows[i] and m.from_id == "champions"]
        assert left and left[-1].cause == "time"


def test_outcomes_follow_the_calendar(settled: World) -> None:
    outcomes = settled.outcomes
    assert set(outcomes[:90]) == {"immature"}
    assert [day for day, o in enumerate(outcomes) if o == "promoted"][:3] == [90, 120, 150]
    versions = [m.version for _, m in settled.timeline]
    assert versions == list(range(1, len(versions) + 1)) and len(versions) <= 12
    assert outcomes.count("kept") > 100


def test_identity_is_carried_through_every_version(settled: World) -> None:
    stable = {(s.segment_id, s.name, s.code, s.slot) for s in settled.timeline[0][1].segments}
    for _, model in settled.timeline:
        assert {(s.segment_id, s.name, s.code, s.slot) for s in model.segments} == stable
        assert ClusterModel.from_dict(model.to_dict()) == model
        if model.parent:
            assert {t.kind for t in model.transitions} == {"survive"}
    refits = [m for m in settled.moves if m.cause == "refit" and m.path != "first"]
    assert len(refits) <= 6


def test_too_few_buyers_say_so_and_a_sparse_panel_counts_for_the_shop() -> None:
    world = World(customers=80, config=LearnerConfig(min_members=30))
    world.run(100)
    assert world.outcomes[-1] == "too_few" and world.learner.model is None
    world.learner.shift = 2  # the same panel as one customer in four of a shop
    assert world.learner.learn(world.learner.state.next_day).outcome == "promoted"


def test_asking_twice_or_for_days_gone_by_changes_nothing() -> None:
    """An interrupted import asks again for days that were answered."""
    plain, pestered = (World(customers=220, config=LearnerConfig(k=5, min_buyers=150)) for _ in range(2))
    plain.run(140)
    for _ in range(140):
        pestered.run(1)
        for day in (pestered.day - 1, pestered.day - 9, 0):
            assert pestered.learner.learn(day).model is None
    assert plain.learner.snapshot() == pestered.learner.snapshot()
    assert len(plain.timeline) > 1


def test_the_next_day_is_the_first_on_which_there_is_something_to_do() -> None:
    world = World(customers=220, config=LearnerConfig(k=5, min_buyers=150))
    days = []
    for _ in range(140):
        if world.day >= world.learner.state.next_day:
            days.append(world.day - FIRST_DAY)
        world.run(1)
    # A noise sample every four calendar weeks, then the frames and a run per week.
    assert days[1:] == [12, 40, 68, 90, 97, 104, 111, 118, 120, 127, 134]


def test_a_learner_restored_goes_on_as_if_it_had_never_stopped() -> None:
    world = World(customers=220, config=LearnerConfig(k=5, min_buyers=150))
    world.run(95)
    other = Learner(world.config)
    other.restore(world.learner.snapshot())
    assert other.snapshot() == world.learner.snapshot()
    twin = World(customers=220, config=LearnerConfig(k=5, min_buyers=150))
    twin.run(95)
    twin.learner = other
    for one in (world, twin):
        one.run(40)
    assert [m.to_dict() for _, m in world.timeline] == [m.to_dict() for _, m in twin.timeline]
    assert world.moves == twin.moves and len(world.timeline) > 1
    assert world.learner.snapshot() == twin.learner.snapshot()


def test_a_damaged_snapshot_is_refused() -> None:
    data = Learner().snapshot()
    for bad in (b"", data[:-2], b"\x91\x63"):
        with pytest.raises(InvariantViolation):
            Learner().restore(bad)


@pytest.fixture(scope="module")
def young() -> World:
    """A shop just before its first clusters."""
    world = World(customers=240, config=LearnerConfig(min_buyers=150))
    world.run(100, learn=False)
    return world


def copy_of(world: World, config: LearnerConfig | None = None) -> Learner:
    learner = Learner(config or world.config)
    learner.restore(world.learner.snapshot())
    return learner


def first_model(learned: Learned) -> ClusterModel:
    assert learned.model is not None
    return learned.model


def test_the_order_of_arrival_does_not_matter(young: World) -> None:
    rows = [PanelRow(c, young.day, young.learner.memory.dump(row)) for c, (row, _) in young.learner.members.items()]
    models = []
    for order in (rows, rows[::-1]):
        learner = Learner(young.config)
        for row in order:
            learner.observe(row)
        models.append(first_model(learner.learn(young.day)).to_dict())
    assert models[0] == models[1]


def test_a_centroid_in_a_bad_optimum_is_replaced_after_two_runs_and_ids_stay(young: World) -> None:
    learner = copy_of(young, LearnerConfig(k=5, frame_days=(90,), min_buyers=150))
    model = first_model(learner.learn(young.day))
    assert learner.state.working is not None
    spoiled = learner.state.working.copy()
    spoiled[0] = spoiled[1] + 0.05  # two centres share one cluster, one serves two
    learner.state.working = spoiled
    outcomes = []
    for week in range(1, 4):
        learned = learner.learn(young.day + 7 * week)
        outcomes.append(learned.outcome)
        if learned.outcome == "promoted":
            break
    assert outcomes == ["kept", "promoted"]
    assert {s.segment_id for s in first_model(learned).segments} == {s.segment_id for s in model.segments}


def test_clusters_in_another_order_keep_their_identity(young: World) -> None:
    learner = copy_of(young, LearnerConfig(k=5, frame_days=(90,), min_buyers=150))
    model = first_model(learner.learn(young.day))
    sample, _ = learner._draw_sample(young.day)
    for order in ([4, 2, 0, 1, 3], [1, 0, 3, 2, 4]):
        fit = nearest(sample.points(model.frame), np.array([model.segments[i].centroid for i in order]))
        again = learner._build(sample, model.frame, fit, learner._heirs(sample, fit))
        assert [replace(s, share=0, typical={}) for s in again.segments] == [
            replace(s, share=0, typical={}) for s in model.segments
        ]
        assert {t.kind for t in again.transitions} == {"survive"}
        assert all(t.overlap == 1.0 for t in again.transitions)


def test_shares_that_shift_are_noticed() -> None:
    even = np.repeat([0, 1, 2, 3], 50)
    assert stability_index([0.25] * 4, even) == pytest.approx(0)
    assert stability_index([0.55, 0.15, 0.15, 0.15], even) > 0.1


def test_another_number_of_segments_is_only_proposed(young: World) -> None:
    learner = copy_of(young, LearnerConfig(k=3, frame_days=(90,), min_buyers=150))
    before = first_model(learner.learn(young.day))
    learner.config = replace(learner.config, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)
    learned = [learner.learn(young.day + 14 * i) for i in (1, 2)]
    assert [one.outcome for one in learned] == ["kept", "proposed"]
    proposal = learned[1].proposal
    assert proposal is not None and proposal.model.k == 5 and learner.model == before
    kinds = Counter(t.kind for t in proposal.model.transitions)
    assert kinds["appear"] >= 2
    copy = Learner(learner.config)
    copy.restore(learner.snapshot())
    accepted = first_model(approve(copy, proposal.number, young.day + 29))
    assert accepted.k == 5 and accepted.parent == before.version and copy.model == accepted
    assert approve(copy, proposal.number, young.day + 30).outcome == "kept"
    carried = {s.segment_id for s in accepted.segments} & {s.segment_id for s in before.segments}
    assert carried
    for segment in accepted.segments:
        old = before.by_id(segment.segment_id)
        assert old is None or (old.code, old.slot) == (segment.code, segment.slot)


def test_silent_members_are_aged_by_the_owner_itself(young: World) -> None:
    learner = copy_of(young)
    learner.learn(young.day + 50)
    row, _ = learner.members["c0"]
    assert learner.memory.day_of(row) == young.day + 50
    assert learner.memory.matrix[row, FIRST_DAY_COLUMN] == FIRST_DAY
    assert learner.memory.matrix[row, LAST_EVENT] < young.day


def test_the_gone_the_long_silent_and_those_outside_a_sparser_panel_leave(young: World) -> None:
    learner = copy_of(young)
    learner.observe(PanelRow("c0", young.day, b""))
    learner.observe(PanelRow("never seen", young.day, b""))
    assert "c0" not in learner.members
    learner.set_shift(1)
    assert learner.members and all(in_panel(c, 1) for c in learner.members)
    learner.learn(young.day + 800)
    assert not learner.members


def test_older_news_of_a_customer_is_left_aside(young: World) -> None:
    learner = copy_of(young)
    row, diary = learner.members["c0"]
    blob = learner.memory.dump(row)
    learner.observe(PanelRow("c0", diary.open_day - 1, learner.memory.dump(learner.members["c4"][0])))
    assert learner.memory.dump(row) == blob


def test_what_nobody_records_takes_no_part() -> None:
    """Orders only, and no discounts: the frame has fewer axes, and nobody is called a browser."""
    world = World(customers=240, config=LearnerConfig(k=4), clicks=False, discounts=False)
    world.run(130)
    model = world.timeline[-1][1]
    silent = {name for name, row in zip(model.feature_names, model.frame.weights, strict=True) if not any(row)}
    assert silent == {"clicks", "browse_to_buy", "discount_share"} and model.k == 4
    assert not {s.segment_id for s in model.segments} & {"browsers", "bargain_hunters"}
    assert {m.to_id for m in world.moves} > {"new"}


def test_a_shop_that_changed_gets_a_new_frame_proposed_once(young: World) -> None:
    learner = copy_of(
        young, LearnerConfig(k=5, frame_days=(90,), min_buyers=150, tolerance=9.0, table_tolerance=9.0, better=1.0)
    )
    before = first_model(learner.learn(young.day))
    # All initial baskets of the panel were ten times dearer: everybody's features have moved since.
    learner.state.drift.borders[4] = [border + 2.3 for border in learner.state.drift.borders[4]]
    learned = learner.learn(young.day + 7)
    assert learned.outcome == "proposed" and learned.figures["psi_basket"] > 0.25
    proposal = learned.proposal
    assert proposal is not None and proposal.model.k == before.k and proposal.model.frame != before.frame
    assert (proposal.why, proposal.alarms) == ("drift", ("psi_basket",))
    assert {s.segment_id for s in proposal.model.segments} == {s.segment_id for s in before.segments}
    assert learner.learn(young.day + 14).outcome == "kept" and learner.model == before
    accepted = first_model(approve(learner, proposal.number, young.day + 15))
    assert accepted.frame == proposal.model.frame and learner.learn(young.day + 22).figures["psi_basket"] < 0.25
