"""Test that a wrong wall clock moves nobody: a jump is noticed, and a corrected clock is trusted again."""

from __future__ import annotations

import asyncio

import pytest
from heart_lanes import ManualClock
from heart_logs import DAY, T0, LogMaker, order

from schemas import topics
from schemas.errors import TransientError
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.policy import Policy
from streamer.lanes.context import LaneContext
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Write
from streamer.runtime import clock_guard
from streamer.runtime.clock_guard import ClockGuard
from streamer.telemetry.alerts import Conditions
from streamer.telemetry.lane_metrics import Samples

HOUR = 3_600.0


class Clocks:
    """Our two clocks, and the broker's."""

    wall = 1_000_000.0
    passed = 50.0
    broker = 1_000_000.0
    fails = False
    measured = 0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def go(self, seconds: float) -> None:
        self.wall, self.passed, self.broker = self.wall + seconds, self.passed + seconds, self.broker + seconds

    async def measure(self) -> float:
        self.measured += 1
        if self.fails:
            raise TransientError("away")
        return self.broker - self.wall


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(clock_guard, "time", made)
    return made


def test_nothing_is_trusted_before_the_broker_has_answered(clocks: Clocks) -> None:
    guard = ClockGuard(clocks.measure)
    assert not guard.is_trusted
    asyncio.run(guard.look())
    assert guard.is_trusted and guard.skew_seconds == 0.0
    clocks.go(300)
    asyncio.run(guard.look())
    assert clocks.measured == 1, "it is not asked for all the time"
    clocks.go(301)
    asyncio.run(guard.look())
    assert clocks.measured == 2


@pytest.mark.parametrize("jump", [400 * 24 * HOUR, -2 * HOUR, 1.1 * HOUR])
def test_a_jump_counts_at_once_and_its_end_within_ten_seconds(clocks: Clocks, jump: float) -> None:
    guard = ClockGuard(clocks.measure)
    asyncio.run(guard.look())
    clocks.go(5)
    clocks.wall += jump
    assert not guard.is_trusted and guard.skew_seconds == pytest.approx(jump)
    clocks.go(10)
    asyncio.run(guard.look())
    assert not guard.is_trusted
    clocks.wall -= jump
    clocks.go(10)
    asyncio.run(guard.look())
    assert guard.is_trusted


def test_a_machine_that_slept_is_believed_when_the_broker_says_the_same(clocks: Clocks) -> None:
    guard = ClockGuard(clocks.measure)
    asyncio.run(guard.look())
    clocks.wall += 8 * HOUR
    clocks.broker += 8 * HOUR
    assert not guard.is_trusted
    clocks.go(11)
    asyncio.run(guard.look())
    assert guard.is_trusted


def test_a_broker_that_never_says_keeps_nobody_from_moving(clocks: Clocks) -> None:
    clocks.fails = True
    guard = ClockGuard(clocks.measure)
    asyncio.run(guard.look())
    assert guard.is_trusted
    clocks.wall += 2 * HOUR
    assert not guard.is_trusted


@pytest.mark.parametrize("trusted", [True, False])
def test_a_clock_400_days_ahead_moves_nobody_for_good(trusted: bool) -> None:
    """The check is skipped, and events continue: the lane's clock is theirs."""

    async def go() -> None:
        log = LogMaker(now=T0)
        log.event(order("a", "ann", T0, 50.0))
        broker, clock = MemoryBroker(T0), ManualClock(T0 + 400 * DAY)
        context = LaneContext(Policy(wall=True), clock, may_tick=lambda: trusted)
        lane = Lane(0, MemoryLog(broker, 0), MemoryView(), context)
        await lane.open()
        for record in log.records:
            broker.append(topics.EVENTS, 0, Write(record.key, record.value), record.timestamp)
        lane.offer(Batch(0, 1, log.records))
        for _ in range(3):
            await lane.turn()
        assert (lane.state.ledger.clock > T0 + 300 * DAY) == trusted
        assert len(broker.records(topics.CHANGES, 0)) == (6 if trusted else 2)

    asyncio.run(go())


def test_the_alert_holds_for_every_lane_of_the_worker() -> None:
    samples: Samples = {"records_consumed_total": {("0",): 1.0, ("3",): 1.0}, "clock_skew_seconds": {(): -7_200.0}}
    found = Conditions().hold(samples, {}, 0.0)
    assert [(one.name, one.lane) for one in found] == [("ClockJump", 0), ("ClockJump", 3)]
    assert "2.0 h behind the broker's" in found[0].summary
    samples["clock_skew_seconds"] = {(): 3_000.0}
    assert Conditions().hold(samples, {}, 0.0) == []
