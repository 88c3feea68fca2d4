"""Run the role ``owner``: the process that learns the behaviour clusters, with its metrics and health."""

from __future__ import annotations

import asyncio

import structlog

from models.learning.owner_types import Learned, State
from models.prediction.predictor import Predictor
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import Offsets
from streamer.config.settings import Settings
from streamer.runtime.app import Wiring, run_owner
from streamer.runtime.role_worker import RoleWorker, run_role
from streamer.runtime.roles import ROLES, Start
from streamer.telemetry.owner_metrics import OwnerMetrics

log = structlog.get_logger(__name__)

_BEAT_SECONDS = 2.0


def run(settings: Settings, start: Start) -> None:
    """Run the role; see `roles.Program`."""
    run_role(ROLES["owner"], settings, start, OwnerWorker, run_owner)


class OwnerWorker(RoleWorker):
    """Counts and logs the work of this process's model owner."""

    def __init__(self, wired: Wiring) -> None:
        self.owner_metrics = OwnerMetrics(SystemClock(), wired.policy.grid)
        super().__init__(wired, self.owner_metrics)

    def started(self, offsets: Offsets) -> None:
        self.tasks = [asyncio.get_running_loop().create_task(self._beat())]

    def owns(self, lanes: set[int]) -> None:
        super().owns(lanes)
        log.info(
            "became the active model owner" if lanes else ("standing by; another process is the active model owner")
        )

    def learned(self, day: int, learned: Learned, state: State) -> None:
        self.owner_metrics.on_learned(day, learned, state)

    def foresaw(self, day: int, predictor: Predictor) -> None:
        self.owner_metrics.on_foresaw(predictor)

    async def _beat(self) -> None:
        while True:
            self.health.beat()
            await asyncio.sleep(_BEAT_SECONDS)
