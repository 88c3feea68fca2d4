"""Test a slow machine: transactions stay short, and their decisions stay the same."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from heart_lanes import TIGHT, Mode, Rig, counters
from heart_logs import T0, LogMaker, order
from heart_strategies import A_BIT_OF_EVERYTHING, POLICY

from schemas.records import Record
from streamer.core.decide import decide
from streamer.core.decision import Decision
from streamer.core.policy import Policy
from streamer.lanes import step
from streamer.lanes.context import LaneSettings

SECONDS_A_PORTION = 1.0
STEP_SECONDS = 2.5
SLOW = replace(TIGHT, max_records=100, turn_records=1, step_seconds=STEP_SECONDS)


class SlowLoop(asyncio.SelectorEventLoop):
    """Its clock advances by what the machine supposedly took."""

    taken = 0.0

    def time(self) -> float:
        return super().time() + self.taken


def on_a_slow_machine(monkeypatch: pytest.MonkeyPatch, played: Coroutine[Any, Any, None]) -> list[int]:
    """Run it; return how many records each decided portion had."""
    loop = SlowLoop()
    portions: list[int] = []

    def slowly(portion: Sequence[Any], *given: Any) -> Decision:
        loop.taken += SECONDS_A_PORTION * bool(portion)
        portions.append(len(portion))
        return decide(portion, *given)

    monkeypatch.setattr(step, "decide", slowly)
    try:
        loop.run_until_complete(played)
    finally:
        loop.close()
    return portions


def backlog(count: int) -> list[Record]:
    log = LogMaker(now=T0)
    for number in range(count):
        log.event(order(f"o{number}", f"c{number % 7}", T0, 20.0))
    return log.records


@pytest.mark.parametrize("turn_records", [1, 10])
def test_a_transaction_is_bounded_by_time_from_the_first_on(monkeypatch: pytest.MonkeyPatch, turn_records: int) -> None:
    settings = LaneSettings(turn_records=turn_records, step_seconds=STEP_SECONDS, import_silence_ms=10**15)
    rig = Rig(backlog(100), settings=settings, policy=Policy(lanes=1))
    taken: list[int] = []

    async def go() -> None:
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0))
        while (before := lane.next_offset) < len(rig.records):
            await lane.turn()
            taken.append(lane.committed - before)

    on_a_slow_machine(monkeypatch, go())
    # 2.5 s have passed when the fourth portion begins, which is the last; smaller steps follow.
    most = 4 * turn_records
    assert taken[0] == most and max(taken) == most and sum(taken) == 100
    assert rig.ledger().applied == 100 and rig.ledger().unaccounted == 0


@pytest.mark.parametrize("plan", [{}, {7: "before"}, {11: "after"}, {5: "before", 19: "after", 40: "before"}])
def test_what_is_decided_is_the_same(monkeypatch: pytest.MonkeyPatch, plan: dict[int, Mode]) -> None:
    usual, slow = Rig(A_BIT_OF_EVERYTHING), Rig(A_BIT_OF_EVERYTHING, plan, settings=SLOW, policy=POLICY, chunk=30)
    asyncio.run(usual.run())
    portions = on_a_slow_machine(monkeypatch, slow.run())
    assert slow.crashes == len(plan)
    assert max(portions) == 1
    slow.check_view()
    assert slow.outputs() == usual.outputs()
    assert slow.state() == usual.state()
    assert counters(slow.ledger()) == counters(usual.ledger())
