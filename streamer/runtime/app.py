"""The composition root: puts real adapters behind the ports, and runs a worker process until it is stopped."""

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
"""Exit code of a worker that must be started again; those in `supervise` say for which reason."""


@dataclass(frozen=True)
class Wiring:
    """All that a worker process is made of.

    Attributes
    ----------
    redis_url, redis_options
        Where the view is, and further options of the client.
    broker
        Faust's settings for credentials, matching ``kafka.security``.
    language
        That of names in metrics.
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
    """Learns what a worker process does; derive from it to handle some of that. Called in the event loop, must not wait.

    Attributes
    ----------
    seek
        Set by who runs the worker: fetches a lane again from an offset.
    """

    seek: Callable[[int, int], None] | None = None

    def fetch_again(self, lane: int, offset: int) -> None:
        if self.seek is not None:
            self.seek(lane, offset)

    def started(self, offsets: Offsets) -> None:
        """The event loop runs, and offsets can be looked up."""

    def pooled(self, pool: Pool) -> None:
        """The readers of this process's partitions live in this pool."""

    def may_look(self) -> bool:
        """Whether lanes may look at the wall clock."""
        return True

    def failed(self, why: str) -> None:
        """The process cannot go on and ends."""

    def owns(self, lanes: set[int]) -> None:
        """The lanes were assigned anew, and these are ours and restored."""

    def foresaw(self, day: int, predictor: Predictor) -> None:
        """The model owner looked at the predictions."""

    def learned(self, day: int, learned: Learned, state: State) -> None:
        """The model owner has looked at the clusters or carried out a decision."""


def fatal(error: BaseException, on_fatal: Callable[[str], None] = lambda why: None) -> None:
    """End the process at once: state and log may differ from here on, and only a fresh start may go on."""
    held = waking.of_process()
    if held is not None:
        held.forget() if isinstance(error, Fenced) else held.write_held()
    if isinstance(error, Fenced):
        # A paused machine that wakes up, or somebody at the command line: nothing is wrong, and nothing to look into.
        log.warning("another process took over a lane; this worker exits and rejoins", why=str(error))
    else:
        log.error("worker failed and exits; restart it", error=repr(error), exc_info=error)
    on_fatal(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
    sys.stderr.flush()
    code = (
        EXIT_FENCED if isinstance(error, Fenced) else EXIT_UNKNOWN if isinstance(error, TransientError) else EXIT_FATAL
    )
    os._exit(code)


def run_lanes(wiring: Wiring, listener: WorkerListener | None = None, kind: type[Lane] = Lane) -> None:
    """Run a worker that owns lanes; returns when it is stopped. ``kind`` is for benchmarks with another job."""
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

    context = LaneContext(wiring.policy, SystemClock(), wiring.lane, may_look=observer.may_look)
    pool = Pool(make, partial(fatal, on_fatal=observer.failed), observer.owns)
    app = agents.build(
        wiring.kafka.group, wiring.kafka.bootstrap, events, pool, wiring.session_seconds, **wiring.broker
    )
    observer.pooled(pool)
    observer.seek = lambda lane, offset: app.seek_back(events, lane, offset)
    run_worker(app, offsets, observer.started)


def run_owner(wiring: Wiring, listener: WorkerListener | None = None) -> None:
    """Run the model owner; a second one waits until the first is gone."""
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
    """Run a Faust app until it is stopped; ``on_start`` is called when offsets can be looked up."""

    async def before_start() -> None:
        app.hooks = (*app.hooks, asyncio.create_task(waking.beats(app.conf.broker_session_timeout)))
        await offsets.start()
        on_start(offsets)

    async def on_shutdown(*args: Any, **kwargs: Any) -> None:
        await offsets.stop()

    # Customers in memory live long and hold no cycles; looking through them again and again cost 15 % of the CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    app.before_start = before_start
    app.hooks = (*app.hooks, on_shutdown)
    app.on_before_shutdown.connect(on_shutdown)
    worker = faust.Worker(app, loglevel="WARN", override_logging=False, redirect_stdouts=False, quiet=True)
    # Its cursor codes would stand in front of log lines.
    worker.spinner = None
    worker.execute_from_commandline()
