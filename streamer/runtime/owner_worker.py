"""The role ``owner``: the process that learns the behaviour clusters, with its metrics and health."""

from __future__ import annotations

import asyncio

import structlog

from models.learning.owner_types import Learned, State
from streamer import __version__
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import Offsets
from streamer.config.settings import Settings
from streamer.runtime import last_error
from streamer.runtime.app import Wiring, WorkerListener, run_owner
from streamer.runtime.metrics_port import serve
from streamer.runtime.roles import ROLES, Start
from streamer.runtime.wiring import wiring
from streamer.runtime.worker_health import WorkerHealth
from streamer.telemetry.lane_metrics import MetricState
from streamer.telemetry.owner_metrics import OwnerMetrics
from streamer.telemetry.prometheus import Exporter

log = structlog.get_logger(__name__)

_BEAT_SECONDS = 2.0


def run(settings: Settings, start: Start) -> None:
    """See `roles.Program`."""
    wired = wiring(settings, start)
    worker = OwnerWorker(wired)
    for outcome, times in start.ended.items():
        worker.metrics.transaction_ended(outcome, times)
    serve(worker.exporter, ROLES["owner"], settings)
    try:
        run_owner(wired, worker)
    finally:
        worker.exporter.stop()


class OwnerWorker(WorkerListener):
    """Counts and logs what the model owner of this process does."""

    def __init__(self, wired: Wiring) -> None:
        policy, clock = wired.policy, SystemClock()
        self.metrics = MetricState(clock, policy.definitions.names, policy.lanes, policy.rates)
        self.owner_metrics = OwnerMetrics(clock, policy.grid)
        self.health = WorkerHealth()
        self.exporter = Exporter(
            self.metrics,
            __version__,
            owner=self.owner_metrics,
            healthy=self.health.healthy,
            ready=self.health.ready,
        )
        self._group = wired.kafka.group
        self._task: asyncio.Task[None] | None = None

    def started(self, offsets: Offsets) -> None:
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def failed(self, why: str) -> None:
        last_error.note(self._group, why)

    def owns(self, lanes: set[int]) -> None:
        self.health.assigned()
        log.info("this process learns the clusters" if lanes else "another process learns the clusters")

    def learned(self, day: int, learned: Learned, state: State) -> None:
        self.owner_metrics.on_learned(day, learned, state)

    async def _beat(self) -> None:
        while True:
            self.health.beat()
            await asyncio.sleep(_BEAT_SECONDS)
