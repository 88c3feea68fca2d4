"""Test that a proposal is withdrawn once its reason is gone, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import msgspec
import pytest
from behaviour_world import World

from models.learning.decisions import approve
from models.learning.drift import Drift
from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.owner_snapshot import Saved
from models.learning.proposal import NEW_FRAME, NEW_NUMBER, Proposal
from models.learning.reason import QUIET_CHECKS, Reason

STILL = LearnerConfig(frame_days=(90,), min_buyers=150, tolerance=9.0, table_tolerance=9.0, better=1.0)


@pytest.fixture(scope="module")
def young() -> World:
    """A shop of five kinds just before its first clusters."""
    world = World(customers=240, config=STILL)
    world.run(100, learn=False)
    return world


class Shop:
    """Return a copy of the young shop whose owner has published ``k`` clusters and runs once a week."""

    def __init__(self, young: World, k: int, restart: bool = False) -> None:
        self.world = deepcopy(young)
        self.restart = restart
        self.configure(k=k)
        assert self.world.learner.learn(self.world.day).outcome == "promoted"
        self.configure(k=None if k == 3 else k)

    @property
    def learner(self) -> Learner:
        return self.world.learner

    @property
    def waiting(self) -> Proposal | None:
        return self.learner.state.proposal

    def configure(self, **config: object) -> None:
        self.learner.config = replace(STILL, **config)  # type: ignore[arg-type]

    def look(self) -> Learned:
        """Simulate a week and run the learner."""
        self.world.run(7, learn=False)
        learned = self.learner.learn(self.world.day)
        self.world.timeline = self.learner.state.timeline
        if self.restart:
            again = Learner(self.learner.config)
            again.restore(self.learner.snapshot())
            assert again.snapshot() == self.learner.snapshot()
            self.world.learner = again
        return learned

    def noise_samples(self, count: int) -> list[str]:
        return [self.look().outcome for _ in range(count)]

    def shift(self, by: float) -> None:
        """Make the panel's initial baskets larger, in logs, so that everybody's differ now."""
        drift = self.learner.state.drift
        drift.borders[4] = [border + by for border in drift.borders[4]]


def proposing_a_frame(young: World, restart: bool = False) -> tuple[Shop, Proposal]:
    shop = Shop(young, 5, restart)
    shop.shift(2.3)
    assert shop.noise_samples(1) == ["proposed"]
    assert shop.waiting is not None and shop.waiting.alarms == ("psi_basket",)
    return shop, shop.waiting


@pytest.mark.parametrize("restart", [False, True])
def test_another_number_is_withdrawn_when_the_one_in_force_is_stable_twice_in_a_row(
    young: World, restart: bool
) -> None:
    shop = Shop(young, 3, restart)
    # The number is checked every second week.
    assert shop.noise_samples(3) == ["kept", "kept", "proposed"]
    proposal = shop.waiting
    assert proposal is not None
    for numbers in ((3, 3), STILL.k_range, (3, 3)):
        shop.configure(k_range=numbers)
        assert shop.noise_samples(2) == ["kept", "kept"] and shop.waiting == proposal
    assert shop.noise_samples(1) == ["kept"]
    learned = shop.look()
    assert (learned.outcome, learned.withdrawn, learned.model) == ("withdrawn", proposal, None)
    assert shop.waiting is None and not shop.learner.state.turned_down
    assert approve(shop.learner, proposal.number, shop.world.day).outcome == "kept"
    # Nobody rejected it: what is stable again is proposed again, under a new number.
    shop.configure()
    assert shop.noise_samples(4) == ["kept", "kept", "kept", "proposed"]
    assert shop.waiting is not None and shop.waiting.number == proposal.number + 1


@pytest.mark.parametrize("restart", [False, True])
def test_a_new_frame_is_withdrawn_after_four_looks_without_an_alarm(young: World, restart: bool) -> None:
    shop, proposal = proposing_a_frame(young, restart)
    shop.shift(-2.3)
    assert shop.noise_samples(3) == ["kept"] * 3
    shop.shift(2.3)  # the alarm again: the weeks count from here
    assert shop.noise_samples(1) == ["kept"]
    shop.shift(-2.3)
    assert shop.noise_samples(3) == ["kept"] * 3 and shop.waiting == proposal
    learned = shop.look()
    assert (learned.outcome, learned.withdrawn) == ("withdrawn", proposal) and shop.waiting is None


def test_while_the_alarm_sounds_a_proposal_waits(young: World) -> None:
    shop, proposal = proposing_a_frame(young)
    assert shop.noise_samples(10) == ["kept"] * 10 and shop.waiting == proposal


def test_a_version_may_go_out_at_the_same_look(young: World) -> None:
    shop, proposal = proposing_a_frame(young)
    shop.shift(-2.3)
    shop.noise_samples(3)
    shop.configure(k=5, tolerance=0.0)
    learned = shop.look()
    assert learned.outcome == "moved" and learned.model is not None and learned.withdrawn == proposal


@pytest.fixture(scope="module")
def made(young: World) -> Proposal:
    return proposing_a_frame(young)[1]


def weeks(drift: Drift, reason: Reason, levels: Sequence[float], alarms: tuple[str, ...] = ()) -> None:
    for level in levels:
        drift.weeks.append([level - 0.1, level + 0.1])
        reason.looked_at_drift(alarms, drift)


@pytest.mark.parametrize(("after", "gone"), [(1.02, True), (0.9, True), (1.28, False), (1.4, False)])
def test_adwin_is_silent_about_a_shop_that_stays_changed(made: Proposal, after: float, gone: bool) -> None:
    """A change raises one alarm; what counts is whether customers are as close to their centroids as before."""
    proposal, drift, reason = replace(made, why=NEW_FRAME, alarms=("adwin",)), Drift(), Reason()
    weeks(drift, reason, [1.0] * 8 + [1.1, 1.2, 1.3])
    weeks(drift, reason, [1.3], ("adwin",))
    weeks(drift, reason, [after] * (QUIET_CHECKS - 1))
    assert not reason.gone(proposal, drift)
    weeks(drift, reason, [after])
    assert reason.gone(proposal, drift) is gone
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(reason), type=Reason)
    assert kept == reason and kept.gone(proposal, drift) is gone


def test_a_change_that_adwin_hears_later_counts_as_well(made: Proposal) -> None:
    proposal, drift, reason = replace(made, why=NEW_FRAME, alarms=("psi_basket",)), Drift(), Reason()
    weeks(drift, reason, [1.0] * 8, ("psi_basket",))
    weeks(drift, reason, [1.3], ("adwin",))
    weeks(drift, reason, [1.3] * QUIET_CHECKS)
    assert not reason.gone(proposal, drift)
    weeks(drift, reason, [1.0] * QUIET_CHECKS)
    assert reason.gone(proposal, drift)


def test_what_an_older_owner_left_waits_unless_its_silence_says_enough(made: Proposal) -> None:
    drift, reason = Drift(), Reason()
    weeks(drift, reason, [1.0] * QUIET_CHECKS)
    assert reason.gone(replace(made, why=NEW_FRAME, alarms=("psi_basket",)), drift)
    assert not reason.gone(replace(made, why=NEW_FRAME, alarms=("adwin",)), drift)
    assert not reason.gone(replace(made, why=NEW_NUMBER, alarms=()), drift)


def test_a_snapshot_of_an_older_owner_is_read(young: World) -> None:
    learner = proposing_a_frame(young)[0].learner
    fields = msgspec.msgpack.decode(learner.snapshot())
    at = Saved.__struct_fields__.index("reason")
    # What River's clusterers store, and the day of the next run, were added later.
    assert fields[at + 1 :] == [None, learner.state.next_day]
    older = Learner(learner.config)
    older.restore(msgspec.msgpack.encode(fields[:at]))
    assert older.state.reason == Reason() and older.state.proposal == learner.state.proposal
