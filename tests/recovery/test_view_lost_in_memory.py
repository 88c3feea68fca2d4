"""Test that a view that lost keys is restored from the changelog, even if it loses more during the restore."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from heart_lanes import Rig
from heart_logs import T0, LogMaker, order
from heart_models import jumpy
from heart_strategies import DEFINITIONS_TEXTS
from owned_lanes import WIDE, a_log, applied

from streamer.adapters.memory import MemoryLog, MemoryServer, MemoryView
from streamer.lanes.context import LaneContext
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Fenced, Update


@pytest.mark.parametrize("cached", [2, 1_000])
def test_a_view_that_lost_a_part_of_its_customers_is_restored(cached: int) -> None:
    """Their parts are gone, the token is not: unchecked, they would be new customers."""
    usual = Rig(a_log(set(), event=True), settings=replace(WIDE, max_residents=cached))
    asyncio.run(usual.run())

    async def go(lose: Callable[[Rig], None]) -> None:
        rig = Rig(a_log(set(), event=True), settings=replace(WIDE, max_residents=cached))
        lane = await rig.own()
        rig.append(rig.records[:20])
        lane.offer(rig.batch(0))
        await lane.turn()
        lane = await rig.own()
        lose(rig)
        rig.records = rig.records[20:]
        rig.append([])
        await rig.run()
        assert rig.outputs() == usual.outputs() and rig.state() == usual.state()
        rig.check_view()

    def parts(rig: Rig) -> None:
        for id in ("bob", "eve"):
            del rig.server.shelf.parts[id]

    def whole(rig: Rig) -> None:
        for held in (rig.server.shelf.parts, rig.server.shelf.documents):
            held.pop("cem", None)

    def damaged(rig: Rig) -> None:
        rig.server.shelf.parts["ann"][""] = b"\xff"

    for lose in (parts, whole, damaged):
        asyncio.run(go(lose))


class Forgetful(MemoryView):
    """Loses its token or a due time with each of the first writes of a restore, like a full server that evicts."""

    def __init__(self, server: MemoryServer, times: int, *, token: bool) -> None:
        super().__init__(server)
        self.times, self.token, self.waits = times, token, 0

    async def ready(self) -> None:
        self.waits += 1

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        if expected is not None and expected.startswith("restoring:") and self.times:
            self.times -= 1
            if self.token:
                self.lose()
            else:
                self.shelf.sizes["nobody/knows"] = 1
        return await super().write(expected, token, update)


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_view_that_loses_keys_while_it_is_restored_is_filled_again_and_not_taken_for_another_owner(
    times: int, token: bool
) -> None:
    async def go() -> None:
        rig, lane = await applied()
        rig.server.lose()
        view = Forgetful(rig.redis, times, token=token)
        lane = Lane(0, MemoryLog(rig.broker, 0), view, LaneContext(rig.policy, rig.clock, WIDE))
        await lane.open()
        assert view.waits == min(3, times + 1), (
            "before each filling it is waited until the server keeps what it is given"
        )
        if times < 3:
            assert lane.halted is None and lane.next_offset == len(rig.records)
            rig.check_view()
        else:
            assert lane.halted is not None and "Redis is losing keys while the lane is restored" in lane.halted.why

    asyncio.run(go())


def test_a_zombie_that_restores_is_fenced_by_the_one_who_took_the_view() -> None:
    async def go() -> None:
        rig, _ = await applied()

        class Taken(MemoryView):
            async def write(self, expected: str | None, token: str, update: Update) -> bool:
                self.shelf.token = "restoring:another:1:2"
                return await super().write(expected, token, update)

        rig.server.lose()
        late = Lane(0, MemoryLog(rig.broker, 0), Taken(rig.redis), LaneContext(rig.policy, rig.clock, WIDE))
        with pytest.raises(Fenced):
            await late.open()

    asyncio.run(go())


@pytest.mark.parametrize("lost", ["models", "definitions"])
def test_versions_that_are_lost_are_found_in_the_changelog(lost: str) -> None:
    """They were mistaken for a changelog without them, and the lane stopped."""

    async def go() -> None:
        log = LogMaker(now=T0)
        log.model(jumpy(1))
        log.definitions(2, DEFINITIONS_TEXTS[0])
        log.event(order("o1", "ann", T0, 30.0))
        rig, lane = await applied(log.records)
        assert getattr(rig.server.shelf, lost)
        getattr(rig.server.shelf, lost).clear()
        # As if nobody had counted: the next owner must notice by itself.
        rig.server.shelf.counts = rig.server.shelf.counted()
        lane = await rig.own()
        assert lane.halted is None and getattr(rig.server.shelf, lost)
        rig.check_view()

    asyncio.run(go())
