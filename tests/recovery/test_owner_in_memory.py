"""Test that people's decisions about models reach the owner once, whatever happens to it."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import replace

import pytest
from behaviour_world import World
from owner_rig import OwnerRig

from models.learning.learner import LearnerConfig
from schemas import topics
from schemas.control import IMPORT_HEADER
from schemas.signing import ControlKeys
from streamer.lanes.keys import NOTICE_KEY

START = LearnerConfig(k=3, frame_days=(90,), min_buyers=150)
FREE = replace(START, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)


@pytest.fixture(scope="module")
def young() -> World:
    """A shop just before its first clusters."""
    world = World(customers=240)
    world.run(100, learn=False)
    return world


@pytest.fixture
def days(young: World) -> World:
    """Return a copy of it, to be continued."""
    return deepcopy(young)


async def proposing(world: World, **given: object) -> OwnerRig:
    """Return an owner that has published three clusters and proposes five."""
    rig = OwnerRig(world, START, **given)  # type: ignore[arg-type]
    first = world.day
    rig.publish_rows()
    await rig.run()
    rig.config = FREE
    while not rig.published("segment.proposal"):
        assert world.day < first + 60
        world.run(7, learn=False)
        rig.publish_rows()
        await rig.run()
    return rig


@pytest.mark.parametrize("crash", [None, "before", "after"])
def test_an_approval_takes_effect_once(days: World, crash: str | None) -> None:
    async def go() -> None:
        rig = await proposing(days)
        [waiting] = rig.published("segment.proposal")
        assert (waiting["status"], waiting["why"], waiting["version"]) == ("waiting", "segments", None)
        assert 0 < waiting["moves"] < 1
        versions = rig.in_lanes()
        rig.decide(action="approve", proposal=waiting["number"])
        # The user presses twice.
        rig.decide(action="approve", proposal=waiting["number"])
        await rig.run(crash)
        await rig.run()
        await rig.run()
        assert rig.in_lanes() == [*versions, versions[-1] + 1]
        [_, approved] = rig.published("segment.proposal")
        assert (approved["status"], approved["version"]) == ("approved", versions[-1] + 1)
        model = rig.published("segment.model")[-1]["body"]
        assert len(model["segments"]) == 5 and model["parent"] == versions[-1]
        decisions = [r for r in rig.broker.records(topics.PANEL) if (r.key or b"").startswith(b"!decision:")]
        newest = {record.key: record.value for record in decisions}
        assert len(newest) == 2 and set(newest.values()) == {None}

    asyncio.run(go())


IMPORTED = (IMPORT_HEADER, b"i-1")


@pytest.mark.parametrize("crash", [None, "before", "after"])
def test_an_import_is_answered_once_all_lanes_have_passed_its_question_on(days: World, crash: str | None) -> None:
    async def go() -> None:
        rig = OwnerRig(days, START)
        rig.publish_rows(IMPORTED)
        rig.notice(0, days.day)
        await rig.run(crash)
        # One lane is still behind, and rows of an import are no reason to learn.
        assert rig.lane() == rig.lane(1) == []
        rig.notice(1, days.day)
        await rig.run(crash)
        await rig.run()
        for lane in (0, 1):
            version, answer = rig.lane(lane)
            assert (version["type"], version["version"]) == ("control.model", 1)
            first_frame = days.day + START.cadence_days
            expected = {"import_id": "i-1", "day": days.day, "next_day": first_frame}
            assert answer == {"type": "control.learned", **expected}
        # The import was interrupted before it saw the answer and asks again: the same answer, and no version.
        for lane in (0, 1):
            rig.notice(lane, days.day)
        await rig.run()
        assert rig.in_lanes() == [1] and rig.lane()[-1] == rig.lane()[1]
        newest = {r.key: r.value for r in rig.broker.records(topics.PANEL) if (r.key or b"").startswith(NOTICE_KEY)}
        assert len(newest) == 2 and set(newest.values()) == {None}

    asyncio.run(go())


def test_what_an_unanswered_import_brought_is_learned_when_it_has_ended_in_every_lane(days: World) -> None:
    async def go() -> None:
        rig = OwnerRig(days, START)
        rig.publish_rows(IMPORTED)
        rig.notice(0, days.day, closed=True)
        await rig.run()
        assert rig.lane() == []
        rig.notice(1, days.day, closed=True)
        await rig.run()
        assert rig.in_lanes() == [1]
        newest = {r.key: r.value for r in rig.broker.records(topics.PANEL) if (r.key or b"").startswith(NOTICE_KEY)}
        assert len(newest) == 2 and set(newest.values()) == {None}

    asyncio.run(go())


def test_rejecting_and_renaming_survive_a_restart(days: World) -> None:
    async def go() -> None:
        rig = await proposing(days, language="zh")
        [waiting] = rig.published("segment.proposal")
        before = rig.published("segment.model")[-1]
        id = before["body"]["segments"][0]["segment_id"]
        rig.decide(action="reject", proposal=waiting["number"])
        rig.decide(action="rename", segment=id, name="常客")
        await rig.run("after")
        days.run(7, learn=False)
        rig.publish_rows()
        owner = await rig.run()
        assert [one["status"] for one in rig.published("segment.proposal")] == ["waiting", "rejected"]
        renamed = rig.published("segment.model")[-1]
        assert renamed["version"] == before["version"] + 1
        assert {s["segment_id"]: s["name"] for s in renamed["body"]["segments"]}[id] == "常客"
        definitions = {r.key: r.value or b"" for r in rig.broker.records(topics.DEFINITIONS)}
        assert '"name":"常客"' in definitions[f"behaviour/{id}@{renamed['version']}".encode()].decode()
        others = [s["segment_id"] for s in before["body"]["segments"] if s["segment_id"] != id]
        definition = definitions[f"behaviour/{others[0]}@{renamed['version']}".encode()].decode()
        assert not any(s["name"] in definition for s in before["body"]["segments"] if s["segment_id"] == others[0])
        assert owner._learner.state.turned_down

    asyncio.run(go())


@pytest.mark.parametrize("crash", [None, "before", "after"])
def test_a_proposal_is_withdrawn_once_and_cannot_be_approved_any_more(days: World, crash: str | None) -> None:
    async def go() -> None:
        rig = await proposing(days)
        versions = rig.in_lanes()
        rig.config = replace(FREE, k_range=(3, 3))
        for _ in range(4):
            days.run(7, learn=False)
            rig.publish_rows()
            await rig.run(crash)
            await rig.run()
        waiting, withdrawn = rig.published("segment.proposal")
        assert (waiting["status"], withdrawn["status"], withdrawn["version"]) == ("waiting", "withdrawn", None)
        assert withdrawn["number"] == waiting["number"] and withdrawn["body"] == waiting["body"]
        rig.decide(action="approve", proposal=waiting["number"])
        await rig.run()
        assert len(rig.published("segment.proposal")) == 2 and rig.in_lanes() == versions

    asyncio.run(go())


def test_a_decision_in_a_hole_is_read_again(days: World) -> None:
    async def go() -> None:
        rig = await proposing(days)
        [waiting] = rig.published("segment.proposal")
        rig.decide(action="reject", proposal=waiting["number"])
        rig.publish_rows()
        behind = len(rig.broker.records(topics.PANEL))
        await rig.run(lost_until=behind - 100)
        assert [one["status"] for one in rig.published("segment.proposal")] == ["waiting", "rejected"]

    asyncio.run(go())


def test_with_a_control_key_only_signed_decisions_count(days: World) -> None:
    async def go() -> None:
        rig = await proposing(days, key=ControlKeys("", (b"a key of sixteen",)))
        [waiting] = rig.published("segment.proposal")
        versions = rig.in_lanes()
        rig.decide(action="approve", proposal=waiting["number"], signed=False)
        await rig.run()
        assert rig.in_lanes() == versions
        rig.decide(action="approve", proposal=waiting["number"])
        await rig.run()
        assert rig.in_lanes() == [*versions, versions[-1] + 1]
        rig.decide(action="rename", segment="s1", name="Regulars")
        await rig.run()
        renamed = rig.in_lanes()
        rig.decide_again()
        owner = await rig.run()
        assert rig.in_lanes() == renamed and not owner._decisions, "a copy of a decision does nothing"

    asyncio.run(go())
