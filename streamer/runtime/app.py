"""The composition root: puts real adapters behind the ports, and runs a worker process until it is told to stop."""

from __future__ import annotations

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
from schemas import topics
from schemas.errors import TransientError
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.redis import RedisView, connect
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.lanes import agents
from streamer.lanes.context import LaneContext, LaneListener, LaneSettings, Step
from streamer.lanes.lane import Lane
from streamer.lanes.pool import Pool
from streamer.lanes.ports import Fenced
from streamer.lanes.transport import App
from streamer.owner.owner import Owner
from streamer.runtime.supervise import EXIT_FENCED, EXIT_UNKNOWN

log = structlog.get_logger(__name__)

EXIT_FATAL = 70
"""Exit code of a worker that must be started anew, as it is with those of `supervise` that say which way."""


@dataclass(frozen=True)
class Wiring:
    """All that a worker process is made of.

    Attributes
    ----------
    redis_url, redis_options
        Where the view is, and further options of the client.
    broker
        Faust's settings for credentials, matching ``kafka.security``.
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


@dataclass(frozen=True)
class Watch:
    """Who hears what a worker does; every part may be left out."""

    on_step: Callable[[Step], None] = lambda step: None
    on_halt: Callable[[int, str], None] = lambda lane, reason: None
    on_released: Callable[[int], None] = lambda lane: None
    on_restoring: Callable[[int, int, int], None] = lambda lane, passed, of: None
    on_restored: Callable[[LaneState, float, int], None] = lambda state, seconds, customers: None
    on_lanes: Callable[[set[int]], None] = lambda lanes: None
    on_learned: Callable[[int, Learned, State], None] = lambda day, learned, state: None
    on_start: Callable[[Offsets], None] = lambda offsets: None
    on_pool: Callable[[Pool], None] = lambda pool: None
    may_look: Callable[[], bool] = lambda: True
    on_fatal: Callable[[str], None] = lambda why: None


class _Listener(LaneListener):
    """Hands on what lanes tell."""

    def __init__(self, watch: Watch, seek: Callable[[int, int], None]) -> None:
        self._watch = watch
        self._seek = seek

    def fetch_again(self, lane: int, offset: int) -> None:
        self._seek(lane, offset)

    def stepped(self, step: Step) -> None:
        self._watch.on_step(step)

    def halted(self, lane: int, why: str) -> None:
        self._watch.on_halt(lane, why)

    def released(self, lane: int) -> None:
        self._watch.on_released(lane)

    def restoring(self, lane: int, passed: int, of: int) -> None:
        self._watch.on_restoring(lane, passed, of)

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        self._watch.on_restored(state, seconds, customers)


def fatal(error: BaseException, on_fatal: Callable[[str], None] = lambda why: None) -> None:
    """End the process at once: state and log may differ from here on, and only a fresh start may go on."""
    if isinstance(error, Fenced):
        # A paused machine that wakes up, or somebody at the command line: nothing is wrong, and nothing to look into.
        log.warning("another process has taken a lane over; this worker ends and joins again", why=str(error))
    else:
        log.error("this worker cannot go on and ends; start it again", error=repr(error), exc_info=error)
    on_fatal(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
    sys.stderr.flush()
    code = (
        EXIT_FENCED if isinstance(error, Fenced) else EXIT_UNKNOWN if isinstance(error, TransientError) else EXIT_FATAL
    )
    os._exit(code)


def run_lanes(wiring: Wiring, watch: Watch | None = None, kind: type[Lane] = Lane) -> None:
    """Run a worker that owns lanes; returns when it was told to stop. ``kind`` is for benchmarks with another job."""
    watch = watch or Watch()
    clock = SystemClock()
    offsets = Offsets(wiring.kafka)
    client = connect(wiring.redis_url, **wiring.redis_options)
    events = wiring.kafka.topic(topics.EVENTS)

    def make(lane: int) -> Lane:
        return kind(
            lane,
            KafkaLog.of_lane(wiring.kafka, offsets, lane),
            RedisView(client, lane, wiring.redis_prefix),
            context,
            listener,
        )

    context = LaneContext(wiring.policy, clock, wiring.lane, may_look=watch.may_look)
    pool = Pool(make, partial(fatal, on_fatal=watch.on_fatal), watch.on_lanes)
    app = agents.build(
        wiring.kafka.group, wiring.kafka.bootstrap, events, pool, wiring.session_seconds, **wiring.broker
    )
    watch.on_pool(pool)
    listener = _Listener(watch, lambda lane, offset: app.seek_back(events, lane, offset))
    _run(app, offsets, watch)


def run_owner(wiring: Wiring, watch: Watch | None = None) -> None:
    """Run the model owner; a second one waits until the first is gone."""
    watch = watch or Watch()
    clock = SystemClock()
    offsets = Offsets(wiring.kafka)
    group = f"{wiring.kafka.group}-owner"

    def make(partition: int) -> Owner:
        source = (topics.PANEL, partition)
        return Owner(
            Learner(wiring.learner),
            KafkaLog(wiring.kafka, offsets, "owner", source, source, group),
            wiring.policy.definitions,
            wiring.policy.lanes,
            clock,
            wiring.lane.control_key,
            watch.on_learned,
            wiring.policy.language,
            seek=lambda offset: app.seek_back(topic, partition, offset),
        )

    pool = Pool(make, partial(fatal, on_fatal=watch.on_fatal), watch.on_lanes)
    topic = wiring.kafka.topic(topics.PANEL)
    app = agents.build(group, wiring.kafka.bootstrap, topic, pool, wiring.session_seconds, **wiring.broker)
    _run(app, offsets, watch)


def _run(app: App, offsets: Offsets, watch: Watch) -> None:
    async def before_start() -> None:
        await offsets.start()
        watch.on_start(offsets)

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
