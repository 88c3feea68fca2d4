"""Test a lane in memory that rejects too much: it stops at the limit, loses nothing, and a fresh start continues."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from heart_lanes import TIGHT, Rig, counters
from heart_logs import HOUR, T0, LogMaker, order

from schemas import topics
from schemas.records import Record
from streamer.lanes.context import LaneSettings

BAD = 40
LIMITED = replace(TIGHT, max_records=100, turn_records=100, deadletter_run=15, tick_seconds=0.01)


def a_log() -> list[Record]:
    log = LogMaker(now=T0)
    log.event(order("a1", "ann", log.now, 30.0), now=log.now + HOUR)
    for _ in range(BAD):
        log.put(b"ann", b"{")
    log.event(order("a2", "ann", log.now, 30.0), now=log.now + HOUR)
    return log.records


async def run_until_it_stops(rig: Rig) -> str | None:
    """Let a new owner process what is pending; return why it stopped, or None."""
    lane = await rig.own()
    lane.start()
    task = asyncio.create_task(lane.run())
    end = len(rig.broker.records(topics.EVENTS, 0))
    while lane.next_offset < end and lane.halted is None:
        if lane.has_room:
            lane.offer(rig.batch(lane.next_offset, lane.next_offset + 30))
        await asyncio.sleep(0)
    lane.stop()
    await task
    return None if lane.halted is None else lane.halted.why


def test_a_lane_stops_at_the_limit_and_every_fresh_start_goes_on_from_there() -> None:
    async def whole() -> None:
        rig = Rig([], settings=LIMITED)
        rig.append(a_log())
        reached = []
        while (reason := await run_until_it_stops(rig)) is not None:
            assert reason == "15 records one after the other were refused"
            reached.append(rig.ledger().next_offset)
            # What is committed is in the view, and nothing beyond it was processed.
            rig.check_view()
            assert len(rig.broker.records(topics.DEADLETTERS, 0)) == reached[-1] - 1
        assert reached == [16, 31]
        easy = Rig([], settings=replace(TIGHT, deadletter_run=0))
        easy.append(a_log())
        assert await run_until_it_stops(easy) is None
        assert counters(rig.ledger()) == counters(easy.ledger())
        assert rig.outputs() == easy.outputs()

    asyncio.run(whole())


def test_a_stopped_lane_stays_so_when_lanes_are_given_out_again() -> None:
    async def whole() -> None:
        rig = Rig([], settings=LIMITED)
        rig.append(a_log())
        await run_until_it_stops(rig)
        lane = rig.lane
        assert lane is not None
        lane.start()
        assert not lane.has_room
        lane.offer(rig.batch(lane.next_offset))
        task = asyncio.create_task(lane.run())
        await asyncio.sleep(0.05)
        lane.stop()
        await asyncio.wait_for(task, 5)
        assert rig.ledger().next_offset == 16

    asyncio.run(whole())


@pytest.mark.parametrize("settings", [LaneSettings(), replace(LIMITED, deadletter_run=BAD + 1)])
def test_below_the_limit_nothing_stops(settings: LaneSettings) -> None:
    async def whole() -> None:
        rig = Rig([], settings=settings)
        rig.append(a_log())
        assert await run_until_it_stops(rig) is None
        assert rig.ledger().dead_letters == {"not_json": BAD}

    asyncio.run(whole())
