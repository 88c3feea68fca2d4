"""Test the cost of a step in counts that no busy machine changes; the stored counts may only be lowered."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from heart_lanes import ManualClock
from heart_logs import T0, LogMaker, order, view

from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.decide import decide
from streamer.core.policy import Policy
from streamer.lanes import step
from streamer.lanes.context import LaneContext
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Read, Update, Writes

STEPS = 50
A_STEP = {"iterations": 1, "tasks": 0, "decides": 1, "transactions": 1, "reads": 1, "view writes": 1}
"""For a lane that processes small batches one by one, as at rates below some hundred events per second."""


class Loop(asyncio.SelectorEventLoop):
    iterations = 0

    def _run_once(self) -> None:
        self.iterations += 1
        super()._run_once()  # type: ignore[misc]


def test_a_step_of_a_few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = dict.fromkeys(A_STEP, 0)

    def deciding(*given: Any) -> Any:
        counts["decides"] += 1
        return decide(*given)

    monkeypatch.setattr(step, "decide", deciding)

    class CountingLog(MemoryLog):
        async def commit(self, writes: Writes, next_offset: int) -> int:
            counts["transactions"] += 1
            return await super().commit(writes, next_offset)

    class CountingView(MemoryView):
        async def read(self, *given: Any) -> Read:
            counts["reads"] += 1
            return await super().read(*given)

        async def write(self, expected: str | None, token: str, update: Update) -> bool:
            counts["view writes"] += 1
            return await super().write(expected, token, update)

    log = LogMaker(now=T0)
    for number in range(STEPS + 1):
        log.event(order(f"o{number}", f"c{number % 7}", T0, 20.0))
        log.event(view(f"v{number}", f"c{number % 5}", T0))

    async def go() -> None:
        broker = MemoryBroker(T0)
        lane = Lane(0, CountingLog(broker, 0), CountingView(), LaneContext(Policy(), ManualClock(T0)))
        await lane.open()
        lane.start()
        running = asyncio.create_task(lane.run())
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)

        def made(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
            counts["tasks"] += 1
            return asyncio.Task(coroutine, loop=loop, **more)

        for number in range(STEPS + 1):
            if number == 1:
                # The first step of a process notes that it begins, and walks through the customers.
                counts.update(dict.fromkeys(counts, 0))
                loop.set_task_factory(cast(Any, made))
                loop.iterations = 0
            lane.offer(Batch(2 * number, 2 * number + 2, log.records[2 * number : 2 * number + 2]))
            while lane.next_offset < 2 * number + 2:
                await asyncio.sleep(0)
        counts["iterations"] = loop.iterations
        loop.set_task_factory(None)
        lane.stop()
        await running

    loop = Loop()
    try:
        loop.run_until_complete(go())
    finally:
        loop.close()
    assert {name: count / STEPS for name, count in counts.items()} == A_STEP
