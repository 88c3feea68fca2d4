"""Test a lane's turns, one by one, over log and view in memory. ``tests/recovery`` crashes at every effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from heart_lanes import Rig
from heart_logs import DAY, HOUR, T0, LogMaker, order, view

from schemas import topics
from schemas.records import Record
from streamer.core.policy import Policy
from streamer.lanes.context import LaneSettings
from streamer.lanes.lane import Lane

CALM = LaneSettings(import_silence_ms=10**15)


def a_log(customers: int = 3, orders: int = 2) -> list[Record]:
    log = LogMaker(now=T0)
    for number in range(orders):
        for who in range(customers):
            log.event(order(f"o{number}-{who}", f"c{who}", log.now, 60.0), now=log.now + HOUR)
    return log.records


def played(
    records: Sequence[Record], play: Callable[[Rig, Lane], Awaitable[None]], settings: LaneSettings = CALM
) -> Rig:
    """Return a rig whose log holds the records, after ``play`` with its open lane."""

    async def run() -> Rig:
        rig = Rig(records, settings=settings, policy=Policy())
        rig.append(records)
        await play(rig, await rig.own())
        return rig

    return asyncio.run(asyncio.wait_for(run(), 30))


def test_a_turn_commits_all_that_waits_in_one_transaction() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        assert lane.next_offset == 0 and lane.has_room
        for start in (0, 2, 4):
            lane.offer(rig.batch(start, start + 2))
        before = list(rig.faults.names)
        await lane.turn()
        # The order of effects that loses nothing.
        assert rig.faults.names[len(before) :] == ["read", "commit", "write"]

    rig = played(a_log(), play)
    assert rig.ledger().next_offset == rig.ledger().applied == 6
    rig.check_view()


def test_a_turn_with_nothing_to_do_writes_nothing() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(0))
        await lane.turn()
        written = len(rig.broker.records(topics.STATE, 0))
        await lane.turn()
        await lane.turn()
        assert len(rig.broker.records(topics.STATE, 0)) == written

    played(a_log(), play)


def test_what_was_read_before_is_left_out_and_a_hole_is_fetched_again() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(0, 3))
        await lane.turn()
        lane.offer(rig.batch(1, 5))
        await lane.turn()
        assert lane.next_offset == 5
        lane.offer(rig.batch(4))
        await lane.turn()

    rig = played(a_log(), play)
    assert rig.ledger().applied == 6 and rig.ledger().duplicates == 0


def test_a_batch_beyond_the_next_offset_waits_for_what_lies_between() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(2))
        await lane.turn()
        assert lane.next_offset == 0
        assert rig.sought == [0]

    played(a_log(), play)


def test_an_idle_lane_lets_time_pass_once_all_before_was_read() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        rig.clock.now += 300 * DAY
        await lane.turn()
        assert lane.state.ledger.clock < T0 + DAY, "a record is still to be read"
        lane.offer(rig.batch(5))
        await lane.turn()
        rig.clock.now += HOUR
        for _ in range(4):
            await lane.turn()
        assert lane.state.ledger.clock == rig.clock.now - CALM.wall_margin_ms

    async def run() -> None:
        records = a_log()
        rig = Rig(records, settings=CALM, policy=Policy(wall=True))
        rig.append(records)
        await play(rig, await rig.own())
        causes = {change["cause"] for change in rig.values(topics.CHANGES)}
        assert "time" in causes

    asyncio.run(asyncio.wait_for(run(), 30))


def test_memory_is_bounded_and_who_left_it_comes_back() -> None:
    settings = LaneSettings(max_residents=2, import_silence_ms=10**15)

    async def play(rig: Rig, lane: Lane) -> None:
        for start in range(0, 20, 2):
            lane.offer(rig.batch(start, start + 2))
            await lane.turn()
            assert len(lane.state.cache) <= 2

    rig = played(a_log(customers=10, orders=2), play, settings)
    assert (rig.ledger().applied, rig.ledger().customers, rig.ledger().orders) == (20, 10, 20)


def test_a_lane_that_is_stopped_ends_its_run() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.start()
        running = asyncio.create_task(lane.run())
        lane.offer(rig.batch(0))
        while lane.next_offset < 6:
            await asyncio.sleep(0.01)
        lane.stop()
        await asyncio.wait_for(running, 10)
        await lane.close()

    assert played(a_log(), play).ledger().applied == 6


def test_another_owner_goes_on_where_the_first_stood() -> None:
    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(0, 4))
        await lane.turn()
        heir = await rig.own()
        assert heir.next_offset == 4
        assert heir.state.ledger == lane.state.ledger
        heir.offer(rig.batch(4))
        await heir.turn()

    rig = played(a_log(), play)
    assert rig.ledger().applied == 6
    rig.check_view()


@pytest.mark.parametrize("value", [b"{", view("v", "somebody else", T0)])
def test_a_record_that_nobody_can_use_stops_nothing(value: bytes) -> None:
    records = a_log()
    log = LogMaker(now=T0, records=list(records[:3]))
    log.put(b"ann", value)
    log.event(order("last", "ann", T0, 5.0))

    async def play(rig: Rig, lane: Lane) -> None:
        lane.offer(rig.batch(0))
        await lane.turn()
        assert lane.halted is None

    rig = played(log.records, play)
    assert rig.ledger().applied == 4 and sum(rig.ledger().dead_letters.values()) == 1
    assert [record.value for record in rig.broker.records(topics.DEADLETTERS, 0)] == [value]
