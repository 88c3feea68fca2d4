"""Test a lane stopped at each of its effects and replaced, against an undisturbed run."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from heart_lanes import MODES, TIGHT, Crash, Mode, Rig, counters
from heart_logs import DAY, T0, LogMaker, by_customer, order, view
from heart_strategies import A_BIT_OF_EVERYTHING, HERE, POLICY, STEPS, WALL, Step, lane_log, straight
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.records import Record
from streamer.adapters.redis_keys import LAYOUT
from streamer.core.policy import Policy
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Fenced
from streamer.lanes.restore import progress_of


async def played(rig: Rig, mischief: list[int] | None = None) -> Rig:
    await rig.run(mischief or [])
    rig.check_view()
    return rig


@cache
def undisturbed() -> Rig:
    return asyncio.run(played(Rig(A_BIT_OF_EVERYTHING)))


@pytest.fixture
def usual() -> Rig:
    return undisturbed()


def test_a_restore_reports_its_progress_and_the_view_shows_it() -> None:
    rig = Rig(A_BIT_OF_EVERYTHING)
    asyncio.run(played(rig))
    end = len(rig.broker.records(topics.STATE, 0))
    rig.server.lose()
    rig.progress.clear()
    rig.faults.tokens.clear()
    asyncio.run(rig.own())
    assert len(rig.progress) > 3
    assert rig.progress == sorted(rig.progress)
    assert {of for _, of in rig.progress} == {end} == {rig.progress[-1][0]}
    shown = [progress_of(token) for token in rig.faults.tokens]
    assert shown == [*rig.progress, None]
    # A complete view needs only the last record to know that it is complete.
    rig.progress.clear()
    asyncio.run(rig.own())
    assert rig.progress == []


def same(rig: Rig, usual: Rig) -> None:
    assert rig.outputs() == usual.outputs()
    assert rig.state() == usual.state()
    assert counters(rig.ledger()) == counters(usual.ledger())


def test_the_undisturbed_run_says_what_decide_says(usual: Rig) -> None:
    """Portions, loads from the view and evictions change nothing."""
    changes = usual.values(topics.CHANGES)
    plain = Rig(A_BIT_OF_EVERYTHING)
    plain.append([*A_BIT_OF_EVERYTHING])
    expected = straight(plain.broker.records(topics.EVENTS, 0))
    found: dict[str, list[object]] = {}
    for change in changes:
        ids = [None if change[side] is None else change[side]["id"] for side in ("from", "to")]
        key = (change["segmentation"], change["seq"], *ids, change["cause"])
        found.setdefault(change["customer_id"], []).append(key)
    without_names = {
        id: [(segmentation, seq, before, after, cause) for segmentation, seq, before, after, _, cause in keys]
        for id, keys in by_customer(expected.changes).items()
    }
    assert {id: keys for id, keys in found.items() if id != "leo"} == without_names
    causes = Counter(change["cause"] for change in changes)
    assert set(causes) >= {"event", "time", "late", "refit", "backfill"}
    assert usual.ledger().dead_letters == {"not_json": 1} and usual.ledger().rerouted == 2


def test_nothing_depends_on_portions(usual: Rig) -> None:
    for chunk in (1, 7, 100):
        same(asyncio.run(played(Rig(A_BIT_OF_EVERYTHING, chunk=chunk))), usual)


def test_a_crash_at_every_effect_of_every_kind(usual: Rig) -> None:
    """The process dies before or after each read, commit, view write and wipe, with or without the view's data."""
    effects = usual.faults.count
    assert {"read", "commit", "write", "wipe"} == set(usual.faults.names)
    # Every effect would take a while; a stride coprime to the pattern of a step meets all kinds.
    for mode in MODES:
        for at in range(MODES.index(mode), effects, 3 if mode == "after" else 7):
            rig = asyncio.run(played(Rig(A_BIT_OF_EVERYTHING, {at: mode})))
            assert rig.crashes == 1
            same(rig, usual)


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.integers(0, 120), st.sampled_from(MODES), min_size=2, max_size=8), st.integers(1, 9))
def test_many_crashes_in_one_run(plan: dict[int, Mode], chunk: int) -> None:
    rig = Rig(A_BIT_OF_EVERYTHING, plan, chunk=chunk)

    async def go() -> None:
        await played(rig)
        await rig.haunt()

    asyncio.run(go())
    same(rig, undisturbed())


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.integers(0, 120), st.sampled_from(MODES), min_size=1, max_size=8), st.integers(1, 9))
def test_releases_of_two_layouts_take_the_lane_from_each_other(plan: dict[int, Mode], chunk: int) -> None:
    """At each crash a worker of the other release takes over; former owners wake up and find the other's view."""
    rig = Rig(A_BIT_OF_EVERYTHING, plan, chunk=chunk, layouts=(LAYOUT, LAYOUT + 1))

    async def go() -> None:
        await played(rig)
        if rig.crashes:
            assert rig.owners > 1
        await rig.haunt()

    asyncio.run(go())
    same(rig, undisturbed())


@settings(deadline=None, max_examples=20)
@given(STEPS, st.dictionaries(st.integers(0, 100), st.sampled_from(MODES), max_size=5), st.sampled_from([POLICY, WALL]))
def test_any_log_and_any_crashes(steps: list[Step], plan: dict[int, Mode], policy: Policy) -> None:
    """With the wall clock, an idle lane checks the time between any two portions of the log."""
    records = lane_log(steps)
    same(
        asyncio.run(played(Rig(records, plan, policy=policy))),
        asyncio.run(played(Rig(records, policy=policy, chunk=7))),
    )


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(-4, 4), max_size=20))
def test_holes_are_sought_and_repeats_dropped(mischief: list[int]) -> None:
    rig = asyncio.run(played(Rig(A_BIT_OF_EVERYTHING), mischief))
    same(rig, undisturbed())
    fetched = [move for move in mischief if move > 0]
    assert len(rig.sought) <= len(fetched)


def test_a_hole_drops_what_waits_and_asks_for_the_missing_offset() -> None:
    async def go() -> None:
        rig = Rig(A_BIT_OF_EVERYTHING)
        lane = await rig.own()
        rig.append(A_BIT_OF_EVERYTHING[:10])
        lane.offer(rig.batch(0, 2))
        lane.offer(rig.batch(5, 8))
        lane.offer(rig.batch(8, 10))
        await lane.turn()
        assert (lane.next_offset, rig.sought) == (2, [2])
        assert lane.has_room
        await lane.turn()
        assert (lane.next_offset, rig.sought) == (2, [2]), "asked once; what waited is gone"
        lane.offer(rig.batch(0, 7))
        await lane.turn()
        assert lane.next_offset == 7
        assert rig.ledger().consumed == 7

    asyncio.run(go())


def test_offsets_that_hold_no_record_count_as_read() -> None:
    async def go() -> None:
        rig = Rig(A_BIT_OF_EVERYTHING)
        lane = await rig.own()
        rig.append(A_BIT_OF_EVERYTHING[:3])
        batch = rig.batch(0, 3)
        lane.offer(type(batch)(0, 9, batch.records))
        await lane.turn()
        assert lane.next_offset == 9 and rig.broker.committed[0] == 9 and rig.sought == []

    asyncio.run(go())


def test_a_former_owner_is_refused_and_harms_nothing() -> None:
    async def go() -> None:
        rig = Rig(A_BIT_OF_EVERYTHING)
        old = await rig.own()
        rig.append(A_BIT_OF_EVERYTHING[:6])
        old.offer(rig.batch(0, 3))
        await old.turn()
        new = await rig.own()
        assert new is not old
        old.offer(rig.batch(3, 6))
        with pytest.raises(Fenced):
            await old.turn()
        before = rig.outputs(), rig.server.shelf.token
        new.offer(rig.batch(3, 6))
        await new.turn()
        assert rig.ledger().consumed == 6
        assert before != (rig.outputs(), rig.server.shelf.token)
        rig.check_view()

    asyncio.run(go())


def test_a_view_lost_while_running_is_filled_again_from_the_changelog() -> None:
    async def go() -> None:
        rig = Rig(A_BIT_OF_EVERYTHING)
        lane = await rig.own()
        rig.append(A_BIT_OF_EVERYTHING)
        lane.offer(rig.batch(0, 20))
        await lane.turn()
        rig.server.lose()
        lane.offer(rig.batch(20))
        await lane.turn()
        rig.check_view()
        assert rig.ledger().customers == len(rig.server.shelf.parts)

    asyncio.run(go())


@pytest.mark.parametrize("mode", ["before", "after", "lost after"])
def test_who_was_due_by_an_import_is_due_by_the_lane_when_a_crash_hides_its_end(mode: Mode) -> None:
    """The end of the import is in the changelog but not in the view, and none of its customers is written again."""

    async def go() -> None:
        log = LogMaker(now=T0)
        log.opened("old")
        log.clock("old", T0 - 5 * DAY)
        log.event(order("h", "hal", T0 - 5 * DAY, 80.0), import_id="old")
        log.closed("old")
        rig = Rig(log.records, settings=replace(TIGHT, max_residents=100))
        lane = await rig.own()
        rig.append(log.records)
        lane.offer(rig.batch(0, 3))
        await lane.turn()
        assert rig.server.shelf.dues["old"].keys() == {"hal"}
        assert rig.faults.names[-1] == "write"
        rig.faults.plan = {rig.faults.count + 2: mode}
        lane.offer(rig.batch(3, 4))
        with pytest.raises(Crash, match="write" if mode == "before" else "after"):
            await lane.turn()
        lane = await rig.own()
        assert (lane.next_offset, rig.crashes) == (4, 0)
        assert {clock_id: dues.keys() for clock_id, dues in rig.server.shelf.dues.items() if dues} == {"": {"hal"}}
        rig.append([Record(0, 0, T0 + 400 * DAY, b"leo", view("n", "leo", T0 + 400 * DAY))])
        lane.offer(rig.batch(4))
        for _ in range(3):
            await lane.turn()
        stages = [change for change in rig.values(topics.CHANGES) if change["segmentation"] == "lifecycle"]
        assert stages[-1]["to"]["id"] == "lost"

    asyncio.run(go())


MINUTE = 60_000
LISTENING = replace(TIGHT, import_silence_ms=10 * MINUTE)


def broken_off() -> LogMaker:
    """Return an import that was opened, wrote an order of five days ago, and stopped."""
    log = LogMaker(now=T0)
    log.opened("old")
    log.clock("old", T0 - 5 * DAY)
    log.event(order("h", "hal", T0 - 5 * DAY, 80.0), import_id="old")
    return log


async def begun(rig: Rig) -> Lane:
    """Return a lane that has read the whole log of the rig."""
    lane = await rig.own()
    rig.append(rig.records)
    lane.offer(rig.batch(0))
    await lane.turn()
    return lane


def closings(rig: Rig) -> int:
    return len(rig.broker.records(topics.EVENTS, 0)) - len(rig.records)


def test_an_import_that_nobody_goes_on_with_is_closed_once() -> None:
    async def go() -> None:
        rig = Rig(broken_off().records, settings=LISTENING)
        lane = await begun(rig)
        rig.clock.now = T0 + 10 * MINUTE
        await lane.turn()
        assert closings(rig) == 0, "heard of ten minutes ago, not before"
        rig.clock.now += 1
        for _ in range(3):
            await lane.turn()
            assert closings(rig) == 1
        lane = await rig.own()  # knows nothing of what the former owner wrote, but does not think itself at the end
        rig.clock.now += 11 * MINUTE
        await lane.turn()
        assert closings(rig) == 1
        lane.offer(rig.batch(lane.next_offset))
        await lane.turn()
        assert (rig.ledger().imports, rig.ledger().closed) == ({}, ["old"])
        assert {clock_id: dues.keys() for clock_id, dues in rig.server.shelf.dues.items() if dues} == {"": {"hal"}}

    asyncio.run(go())


def test_an_import_whose_records_are_not_all_read_is_not_silent() -> None:
    async def go() -> None:
        rig = Rig(broken_off().records, settings=LISTENING)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0, 2))
        await lane.turn()
        rig.clock.now += 11 * MINUTE
        for _ in range(3):
            await lane.turn()
        assert closings(rig) == 0

    asyncio.run(go())


def test_silence_while_no_lane_listened_closes_nothing() -> None:
    """Interrupted with its workers, and resumed the day after: the new lane is idle before more is written."""

    async def go() -> None:
        log = broken_off()
        rig = Rig(log.records[:], settings=LISTENING)
        await begun(rig)
        rig.clock.now = T0 + DAY
        lane = await rig.own()
        await lane.turn()
        await lane.turn()
        assert closings(rig) == 0
        log.clock("old", T0 - 2 * DAY, now=T0 + DAY)
        log.event(order("i", "hal", T0 - 2 * DAY, 80.0), import_id="old")
        rig.append(log.records[3:])
        lane.offer(rig.batch(3))
        await lane.turn()
        assert rig.ledger().imports["old"].clock == T0 - 2 * DAY
        assert rig.ledger().late == 0

    asyncio.run(go())


def test_memory_stays_bounded_while_the_night_walks_through_everybody() -> None:
    async def go() -> None:
        log = LogMaker(now=T0)
        for number in range(40):
            log.event(view(f"e{number}", f"{HERE[number % 5]}", T0), now=T0)
        rig = Rig(log.records)
        lane = await rig.own()
        rig.append(log.records)
        lane.offer(rig.batch(0))
        await lane.turn()
        rig.append([Record(0, 0, T0 + DAY, b"leo", view("n", "leo", T0 + DAY))])
        lane.offer(rig.batch(40))
        for _ in range(20):
            await lane.turn()
            assert len(lane.state.cache) <= 2 + rig.settings.max_due

    asyncio.run(go())
