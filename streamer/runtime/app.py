"""Connect real adapters to the ports (the composition root), and run a worker process until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust
import structlog

from models.learning.learner import Learned, Learner, LearnerConfig
from models.learning.owner_types import State
from models.messages import Language
from models.prediction.predictor import Predictor
from schemas import topics
from schemas.errors import TransientError
from streamer.adapters.clock import SystemClock
from streamer.adapters.group import owner_group
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.redis import RedisView, connect
from streamer.core.policy import Policy
from streamer.lanes import agents
from streamer.lanes.context import LaneContext, LaneSettings, Silent
from streamer.lanes.lane import Lane
from streamer.lanes.pool import Pool
from streamer.lanes.ports import Fenced
from streamer.lanes.transport import App
from streamer.owner.owner import Owner, OwnerContext
from streamer.runtime.supervise import EXIT_FENCED, EXIT_UNKNOWN
from streamer.telemetry import waking

log = structlog.get_logger(__name__)

EXIT_FATAL = 70
"""Exit code of a worker that must be restarted. The codes in `supervise` give more specific reasons."""


@dataclass(frozen=True)
class Wiring:
    """The parts of a worker process.

    Attributes
    ----------
    redis_url, redis_options
        Address of the view, and further client options.
    broker
        Faust's credential settings, matching ``kafka.security``.
    language
        Language of names in metrics.
    """

    kafka: KafkaConnection
    redis_url: str
    policy: Policy
    lane: LaneSettings = field(default_factory=LaneSettings)
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    redis_prefix: str = ""
    redis_options: dict[str, Any] = field(default_factory=dict)
    broker: dict[str, Any] = field(default_factory=dict)
    session_seconds: float = 6.0
    language: Language = "en"


class WorkerListener(Silent):
    """Receives the events of a worker process. Subclass it to handle some; methods run in the event loop and must not block.

    Attributes
    ----------
    seek
        Function that fetches a lane again from an offset, set by the worker's runner.
    """

    seek: Callable[[int, int], None] | None = None

    def fetch_again(self, lane: int, offset: int) -> None:
        if self.seek is not None:
            self.seek(lane, offset)

    def started(self, offsets: Offsets) -> None:
        """Called when the event loop is running and offsets can be looked up."""

    def pooled(self, pool: Pool) -> None:
        """Called when the pool with the readers of this process's partitions was created."""

    def may_tick(self) -> bool:
        """Return whether lanes may follow the wall clock."""
        return True

    def failed(self, why: str) -> None:
        """Called when the process cannot continue and is about to end."""

    def owns(self, lanes: set[int]) -> None:
        """Called when lanes were reassigned; these now belong to this process and are restored."""

    def foresaw(self, day: int, predictor: Predictor) -> None:
        """Called when the model owner ran the predictor."""

    def learned(self, day: int, learned: Learned, state: State) -> None:
        """Called when the model owner ran the cluster learner or carried out a decision."""


def fatal(error: BaseException, on_fatal: Callable[[str], None] = lambda why: None) -> None:
    """End the process at once, because state and log may now differ and only a restarted process may continue."""
    held = waking.of_process()
    if held is not None:
        held.forget() if isinstance(error, Fenced) else held.write_held()
    if isinstance(error, Fenced):
        # A suspended machine woke up, or an operator took the lane over: nothing is wrong, nothing to investigate.
        log.warning("another process took over a lane; restarting this worker", why=str(error))
    else:
        log.error("worker failed; exiting for a restart", error=repr(error), exc_info=error)
    on_fatal(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
    sys.stderr.flush()
    code = (
        EXIT_FENCED if isinstance(error, Fenced) else EXIT_UNKNOWN if isinstance(error, TransientError) else EXIT_FATAL
    )
    os._exit(code)


def run_lanes(wiring: Wiring, listener: WorkerListener | None = None, kind: type[Lane] = Lane) -> None:
    """Run a worker that owns lanes until it is stopped. Benchmarks pass another ``kind`` of lane."""
    observer = listener or WorkerListener()
    offsets = Offsets(wiring.kafka)
    client = connect(wiring.redis_url, **wiring.redis_options)
    events = wiring.kafka.topic(topics.EVENTS)

    def make(lane: int) -> Lane:
        return kind(
            lane,
            KafkaLog.of_lane(wiring.kafka, offsets, lane),
            RedisView(client, lane, wiring.redis_prefix),
            context,
            observer,
        )

    context = LaneContext(wiring.policy, SystemClock(), wiring.lane, may_tick=observer.may_tick)
    pool = Pool(make, partial(fatal, on_fatal=observer.failed), observer.owns)
    app = agents.build(
        wiring.kafka.group, wiring.kafka.bootstrap, events, pool, wiring.session_seconds, **wiring.broker
    )
    observer.pooled(pool)
    observer.seek = lambda lane, offset: app.seek_back(events, lane, offset)
    run_worker(app, offsets, observer.started)


def run_owner(wiring: Wiring, listener: WorkerListener | None = None) -> None:
    """Run the model owner. A second one waits until the first is gone."""
    observer = listener or WorkerListener()
    offsets = Offsets(wiring.kafka)
    group = owner_group(wiring.kafka.group)
    context = OwnerContext(
        wiring.policy.definitions,
        wiring.policy.lanes,
        SystemClock(),
        wiring.lane.control_keys,
        wiring.policy.language,
        wiring.policy.panel_target,
    )

    def make(partition: int) -> Owner:
        source = (topics.PANEL, partition)
        panel = KafkaLog(wiring.kafka, offsets, "owner", source, source, group)
        return Owner(Learner(wiring.learner), panel, context, observer)

    pool = Pool(make, partial(fatal, on_fatal=observer.failed), observer.owns)
    topic = wiring.kafka.topic(topics.PANEL)
    app = agents.build(group, wiring.kafka.bootstrap, topic, pool, wiring.session_seconds, **wiring.broker)
    observer.pooled(pool)
    observer.seek = lambda partition, offset: app.seek_back(topic, partition, offset)
    run_worker(app, offsets, observer.started)


def run_worker(app: App, offsets: Offsets, on_start: Callable[[Offsets], None] = lambda offsets: None) -> None:
    """Run a Faust app until it is stopped. Calls ``on_start`` once offsets can be looked up."""

    async def before_start() -> None:
        app.hooks = (*app.hooks, asyncio.create_task(waking.beats(app.conf.broker_session_timeout)))
        await offsets.start()
        on_start(offsets)

    async def on_shutdown(*args: Any, **kwargs: Any) -> None:
        await offsets.stop()

    # Cached customers live long and contain no cycles; repeated garbage collection took 15 % of the CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    app.before_start = before_start
    app.hooks = (*app.hooks, on_shutdown)
    app.on_before_shutdown.connect(on_shutdown)
    worker = faust.Worker(app, loglevel="WARN", override_logging=False, redirect_stdouts=False, quiet=True)
    # Its cursor codes would precede log lines.
    worker.spinner = None
    worker.execute_from_commandline()
