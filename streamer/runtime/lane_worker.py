"""Run the role ``lanes``: a worker that owns lanes, with its metrics, health and alerts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time

import structlog
from aiokafka.errors import KafkaError

from schemas import topics
from streamer.adapters.broker_clock import skew_seconds
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import Offsets
from streamer.adapters.redis_health import refuse_eviction
from streamer.config.settings import Settings
from streamer.core.state import LaneState
from streamer.lanes.context import Step
from streamer.lanes.lane import Lane
from streamer.lanes.pool import Pool
from streamer.runtime import last_error, supervise
from streamer.runtime.alert_publisher import AlertPublisher
from streamer.runtime.app import Wiring, run_lanes
from streamer.runtime.clock_guard import ClockGuard
from streamer.runtime.role_worker import RoleWorker, run_role
from streamer.runtime.roles import ROLES, Start
from streamer.runtime.watchdog import Watchdog
from streamer.telemetry import tracing

log = structlog.get_logger(__name__)

PROBE_SECONDS = 2.0
PROBE_LIMIT_SECONDS = 20.0
_PROGRESS_SECONDS = 2.0


def run(settings: Settings, start: Start) -> None:
    """Run the role; see `roles.Program`."""
    run_role(ROLES["lanes"], settings, start, LaneWorker, run_lanes, _refuse_eviction)


def _refuse_eviction(wired: Wiring) -> None:
    refuse_eviction(wired.redis_url, wired.redis_options)


class LaneWorker(RoleWorker):
    """Counts, logs and reports the work of this process's lanes."""

    def __init__(self, wired: Wiring) -> None:
        super().__init__(wired)
        self._alerts = AlertPublisher(wired.kafka, self.metrics, SystemClock())
        self._watchdog = Watchdog()
        self._clock_guard = ClockGuard(lambda: skew_seconds(wired.kafka, f"clock-{min(self._lanes, default=0)}"))
        self._tracing = tracing.from_environment("lanes")
        self._pool: Pool | None = None
        self._lanes: frozenset[int] = frozenset()
        # Monotonic seconds at which each lane's restore progress was last logged.
        self._logged: dict[int, float] = {}

    def started(self, offsets: Offsets) -> None:
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._probe(offsets)), loop.create_task(self._publish_alerts(offsets))]

    def pooled(self, pool: Pool) -> None:
        self._pool = pool

    def may_tick(self) -> bool:
        return self._clock_guard.is_trusted

    def owns(self, lanes: set[int]) -> None:
        super().owns(lanes)
        self._lanes = frozenset(lanes)
        self.metrics.on_lanes(lanes)
        log.info("lane assignment changed", lanes=sorted(lanes))

    def close(self) -> None:
        super().close()
        self._tracing.close()

    def stepped(self, step: Step) -> None:
        self.metrics.on_step(step)
        self._tracing.stepped(step)

    def halted(self, lane: int, why: str) -> None:
        self.metrics.lane_stopped(lane, why)

    def released(self, lane: int) -> None:
        self.metrics.lane_released(lane)

    def restoring(self, lane: int, passed: int, of: int) -> None:
        self.metrics.lane_restoring(lane, passed, of)
        self._watchdog.progressed(lane)
        now = time.monotonic()
        if now - self._logged.setdefault(lane, now) >= _PROGRESS_SECONDS:
            self._logged[lane] = now
            log.info("restoring a lane", lane=lane, passed=passed, of=of)

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        self.metrics.lane_restored(state, seconds, customers)
        self._logged.pop(state.ledger.partition, None)
        log.info("restored a lane", lane=state.ledger.partition, seconds=round(seconds, 3), customers=customers)

    async def _probe(self, offsets: Offsets) -> None:
        """Query the ends of the lanes periodically, for the lag and as the heartbeat of the event loop."""
        while True:
            ends: dict[int, int] = {}
            # Without Kafka an answer may take longer than the heartbeat limit, which is not the worker's fault.
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                    for lane in sorted(self._lanes):
                        ends[lane] = await offsets.end(topics.EVENTS, lane)
            self.metrics.on_end_offsets({lane: end for lane, end in ends.items() if lane in self._lanes})
            self.health.beat()
            await self._end_if_stuck(offsets, ends)
            await asyncio.sleep(PROBE_SECONDS)

    async def _end_if_stuck(self, offsets: Offsets, ends: dict[int, int]) -> None:
        """End the process if one of its lanes has had work but made no progress for too long."""
        readers = {} if self._pool is None else self._pool.readers
        lanes = {number: lane for number, lane in readers.items() if isinstance(lane, Lane)}
        idle = self._watchdog.idle_seconds(
            {number: lane.committed for number, lane in lanes.items()},
            ends,
            {number for number, lane in lanes.items() if lane.is_excused},
        )
        for lane, seconds in idle.items():
            if not self._watchdog.is_suspect(seconds):
                continue
            try:
                async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                    stable = await offsets.stable(topics.EVENTS, lane)
            except (KafkaError, TimeoutError):
                stable = 0
            if stable <= lanes[lane].committed:
                # The pending records follow a producer's open transaction, or Kafka does not answer.
                self._watchdog.progressed(lane)
            elif self._watchdog.is_stuck(seconds):
                why = f"lane {lane} has records to decide and has committed nothing for {seconds:.0f} s"
                log.error("worker is stuck; exiting for a restart", lane=lane, why=why)
                last_error.note(self._group, why)
                logging.shutdown()
                os._exit(supervise.EXIT_STUCK)

    async def _publish_alerts(self, offsets: Offsets) -> None:
        """Publish alerts periodically, in a separate task so that a slow Kafka cannot stop the heartbeat."""
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            if self._lanes:
                await self._clock_guard.look()
                self.metrics.on_clock_skew(self._clock_guard.skew_seconds)
            await self._alerts.check(offsets, self._lanes)
