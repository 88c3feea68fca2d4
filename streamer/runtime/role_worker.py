"""Provide the common part of all worker processes: metrics, health, and the note of why a process ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from models.messages import messages
from streamer import __version__
from streamer.adapters.clock import SystemClock
from streamer.config.settings import Settings
from streamer.runtime import last_error
from streamer.runtime.app import Wiring, WorkerListener
from streamer.runtime.metrics_port import serve
from streamer.runtime.roles import Role, Start
from streamer.runtime.wiring import wiring
from streamer.runtime.worker_health import WorkerHealth
from streamer.telemetry.lane_metrics import MetricState
from streamer.telemetry.owner_metrics import OwnerMetrics
from streamer.telemetry.prometheus import Exporter


class RoleWorker(WorkerListener):
    """Counts the work of a worker process and reports its health. Each role has a subclass.

    Attributes
    ----------
    tasks
        Background tasks of the process.
    """

    def __init__(self, wired: Wiring, owner_metrics: OwnerMetrics | None = None) -> None:
        policy = wired.policy
        self.metrics = MetricState(
            SystemClock(), policy.definitions.names, policy.lanes, policy.rates, messages(wired.language).named
        )
        self.health = WorkerHealth(lambda: self.metrics.stopped)
        self.exporter = Exporter(
            self.metrics, __version__, owner=owner_metrics, healthy=self.health.healthy, ready=self.health.ready
        )
        self.tasks: list[asyncio.Task[None]] = []
        self._group = wired.kafka.group

    def failed(self, why: str) -> None:
        last_error.note(self._group, why)

    def owns(self, lanes: set[int]) -> None:
        self.health.assigned()

    def close(self) -> None:
        """Stop serving metrics, because the process ends."""
        self.exporter.stop()


Worker = TypeVar("Worker", bound=RoleWorker)


def run_role(
    role: Role,
    settings: Settings,
    start: Start,
    make: Callable[[Wiring], Worker],
    work: Callable[[Wiring, Worker], None],
    check: Callable[[Wiring], None] = lambda wired: None,
) -> None:
    """Run a role in this process until it is stopped, and serve its metrics.

    Parameters
    ----------
    make
        Creates the worker that counts this process's work.
    work
        Runs until the process is stopped.
    check
        Raises UserError if the role cannot work with these servers.
    """
    wired = wiring(settings, start)
    check(wired)
    worker = make(wired)
    for outcome, times in start.ended.items():
        worker.metrics.transaction_ended(outcome, times)
    serve(worker.exporter, role, settings)
    try:
        work(wired, worker)
    finally:
        worker.close()
