"""A worker process: ``python -m streamer.runtime.process lanes|owner``, as the supervisor starts it.

Everything that only the running process knows is put together here: logging, metrics, the composition root.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

import structlog
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.errors import TransientError, UserError
from schemas.screen_text import block
from streamer.adapters import record_batches
from streamer.adapters.broker_clock import skew_seconds
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection, Offsets
from streamer.adapters.redis_health import refuse_eviction
from streamer.adapters.topics import lane_count
from streamer.config.settings import Settings
from streamer.config.settings_sources import DEFAULT, variable
from streamer.core.state import LaneState
from streamer.lanes.lane import Lane
from streamer.lanes.pool import Pool
from streamer.runtime import last_error, supervise
from streamer.runtime.alert_publisher import AlertPublisher
from streamer.runtime.app import Watch, Wiring, run_lanes, run_owner
from streamer.runtime.clock_guard import ClockGuard
from streamer.runtime.watchdog import Watchdog
from streamer.telemetry import logs
from streamer.telemetry.owner_metrics import OwnerMetrics
from streamer.telemetry.prometheus import Exporter

log = structlog.get_logger("streamer.runtime.process")  # `__name__` is "__main__" here

_LOOK_SECONDS = 2.0
_LOOK_LIMIT_SECONDS = 20.0
_HUNG_SECONDS = 60.0
_TELL_SECONDS = 2.0


def main(arguments: list[str] | None = None) -> int:
    """Run one role until told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m streamer.runtime.process", description=__doc__)
    parser.add_argument("role", choices=("lanes", "owner"))
    parser.add_argument("--kafka", help="address of the embedded Kafka, used where STREAMER_KAFKA is not set")
    parser.add_argument("--redis", help="URL of the embedded Valkey, used where STREAMER_REDIS is not set")
    parser.add_argument("--follow-parent", action="store_true", help="end when standard input does")
    parser.add_argument("--fenced", type=int, default=0, help="transactions of former processes that ended so")
    parser.add_argument("--unknown", type=int, default=0, help="the same of those that ended nobody knows how")
    given = parser.parse_args(arguments)
    if given.follow_parent:
        supervise.follow_parent()
    settings: Settings | None = None
    try:
        ended = {"fenced": given.fenced, "unknown": given.unknown}
        settings = Settings.load()
        run(settings, given.role, given.kafka, given.redis, ended)
    except TransientError as error:
        _note(settings, error)
        print(f"error: {block(str(error))}", file=sys.stderr)
        return 1
    except UserError as error:
        _note(settings, error)
        print(block(f"error: {error.message}\n{error.hint}".rstrip()), file=sys.stderr)
        return supervise.EXIT_MISTAKE
    return 0


def _note(settings: Settings | None, error: Exception) -> None:
    if settings is not None:
        last_error.note(topics.full_name(settings.group, settings.topic_prefix), " ".join(str(error).split()))


def run(
    settings: Settings,
    role: supervise.Role,
    embedded_kafka: str | None = None,
    embedded_redis: str | None = None,
    ended: Mapping[str, int] | None = None,
) -> None:
    """Run one role in this process until SIGTERM or SIGINT.

    Parameters
    ----------
    ended
        How often transactions of former processes ended otherwise than committed, by outcome; for the metric.

    Raises
    ------
    UserError
        It cannot begin, and could not later.
    TransientError
        Kafka is not there, or not yet.
    """
    logs.configure(
        settings.log_level,
        settings.log_format,
        customer_ids=settings.log_customer_ids,
        hash_key=settings.control_key_bytes,
        version=version("streamer"),
    )
    # Faust tells the start and stop of each of its parts under the name of our subclasses.
    logging.getLogger("streamer.lanes.transport").setLevel(logging.WARNING)
    record_batches.LIMIT.max_batch_bytes = settings.max_batch_bytes
    wired = wiring(settings, embedded_kafka, embedded_redis)
    if role == "lanes":
        refuse_eviction(wired.redis_url, wired.redis_options)
    watched = Watched(wired, role)
    for outcome, times in (ended or {}).items():
        watched.exporter.transaction_ended(outcome, times)
    watched.serve(settings)
    try:
        if role == "owner":
            run_owner(wired, watched.watch)
        else:
            run_lanes(wired, watched.watch)
    finally:
        watched.exporter.stop()


def wiring(settings: Settings, embedded_kafka: str | None = None, embedded_redis: str | None = None) -> Wiring:
    """What a worker is made of, with as many lanes as the input topic has partitions."""
    kafka = settings.kafka_connection(embedded_kafka)
    # As in commands.common: services side by side must not meet in a group or fence each other.
    kafka = replace(kafka, group=topics.full_name(kafka.group, kafka.prefix))
    url, options = settings.redis_connection(embedded_redis)
    return Wiring(
        kafka=kafka,
        redis_url=url,
        policy=settings.policy(_lanes(kafka)),
        lane=settings.lane_settings(),
        learner=settings.learner_config(),
        redis_prefix=kafka.group,
        redis_options=options,
        broker=settings.faust_broker(),
        session_seconds=settings.session_seconds,
    )


def _lanes(kafka: KafkaConnection) -> int:
    try:
        lanes = lane_count(kafka.bootstrap, kafka.prefix, security=kafka.security)
    except UserError as error:
        # It was there when the supervisor looked, so this is an outage.
        raise TransientError(error.message) from error
    if lanes is None:
        raise UserError(f"there is no topic {kafka.topic(topics.EVENTS)}", "run `streamer topics create`")
    return lanes


class Watched:
    """The metrics of a worker process, and how it is.

    Attributes
    ----------
    watch
        To be given to `run_lanes` or `run_owner`.
    """

    def __init__(self, wired: Wiring, role: supervise.Role = "lanes") -> None:
        declared = [
            (segmentation.name, segment.id)
            for segmentation in wired.policy.definitions.segmentations
            for segment in segmentation.segments
        ]
        policy = wired.policy
        owner = OwnerMetrics(SystemClock(), policy.grid) if role == "owner" else None
        self.exporter = Exporter(
            SystemClock(),
            version("streamer"),
            declared,
            lanes=policy.lanes,
            rates=policy.rates,
            owner=owner,
            healthy=self._healthy,
            ready=self._ready,
        )
        self.watch = Watch(
            on_step=self.exporter.on_step,
            on_halt=self.exporter.lane_stopped,
            on_released=self.exporter.lane_released,
            on_restoring=self._on_restoring,
            on_restored=self._on_restored,
            on_lanes=self._on_lanes if role == "lanes" else self._on_panel,
            on_start=self._on_start,
            on_pool=self._on_pool,
            may_look=lambda: self._clock_guard.is_trusted,
            on_fatal=lambda why: last_error.note(wired.kafka.group, why),
            on_learned=lambda day, learned, state: None if owner is None else owner.on_learned(day, learned, state),
        )
        self._role = role
        self._alert_publisher = AlertPublisher(wired.kafka, self.exporter, SystemClock())
        self._lanes: frozenset[int] = frozenset()
        self._joined = False
        self._looked = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._told: dict[int, float] = {}
        self._pool: Pool | None = None
        self._watchdog = Watchdog()
        self._clock_guard = ClockGuard(lambda: skew_seconds(wired.kafka, f"clock-{min(self._lanes, default=0)}"))
        self._group = wired.kafka.group

    def serve(self, settings: Settings) -> None:
        """Open the port. If it is taken and nobody asked for that very one, another: workers stand side by side."""
        origins: Mapping[str, str] = {one.name: one.origin for one in settings.in_force()}
        field = "metrics_port" if self._role == "lanes" else "owner_metrics_port"
        host, port = settings.metrics_host, getattr(settings, field)
        try:
            port = self.exporter.start(host, port)
        except UserError:
            if origins[variable(field)] != DEFAULT:
                raise
            port = self.exporter.start(host, 0)
        log.info("metrics are served", url=f"http://{host}:{port}/metrics")

    def _on_lanes(self, lanes: set[int]) -> None:
        self._joined = True
        self._lanes = frozenset(lanes)
        self.exporter.on_lanes(lanes)
        log.info("lanes owned", lanes=sorted(lanes))

    def _on_restoring(self, lane: int, passed: int, of: int) -> None:
        self.exporter.lane_restoring(lane, passed, of)
        self._watchdog.progressed(lane)
        now = time.monotonic()
        if now - self._told.setdefault(lane, now) >= _TELL_SECONDS:
            self._told[lane] = now
            log.info("restoring a lane", lane=lane, passed=passed, of=of)

    def _on_restored(self, state: LaneState, seconds: float, customers: int) -> None:
        self.exporter.lane_restored(state, seconds, customers)
        self._told.pop(state.ledger.partition, None)
        log.info("lane restored", lane=state.ledger.partition, seconds=round(seconds, 3), customers=customers)

    def _on_pool(self, pool: Pool) -> None:
        self._pool = pool

    def _on_panel(self, partitions: set[int]) -> None:
        self._joined = True
        log.info("this process learns the clusters" if partitions else "another process learns the clusters")

    def _on_start(self, offsets: Offsets) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._look(offsets))
        if self._role == "lanes":
            self._telling = loop.create_task(self._tell(offsets))

    async def _look(self, offsets: Offsets) -> None:
        """Ask for the ends of the lanes again and again; that it gets on says that the loop does."""
        while True:
            ends: dict[int, int] = {}
            # While Kafka is away an answer may take longer than a worker may be silent, and it is not the one to blame.
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_LOOK_LIMIT_SECONDS):
                    for lane in sorted(self._lanes):
                        ends[lane] = await offsets.end(topics.EVENTS, lane)
            self.exporter.on_end_offsets({lane: end for lane, end in ends.items() if lane in self._lanes})
            self._looked = time.monotonic()
            await self._end_if_stuck(offsets, ends)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _end_if_stuck(self, offsets: Offsets, ends: dict[int, int]) -> None:
        """End the process if one of its lanes has work and has got nowhere for too long."""
        readers = {} if self._pool is None else self._pool.readers
        lanes = {number: lane for number, lane in readers.items() if isinstance(lane, Lane)}
        idle = self._watchdog.idle_seconds(
            {number: lane.next_offset for number, lane in lanes.items()},
            ends,
            {number for number, lane in lanes.items() if lane.is_excused},
        )
        for lane, seconds in idle.items():
            if not self._watchdog.is_suspect(seconds):
                continue
            try:
                async with asyncio.timeout(_LOOK_LIMIT_SECONDS):
                    stable = await offsets.stable(topics.EVENTS, lane)
            except (KafkaError, TimeoutError):
                stable = 0
            if stable <= lanes[lane].next_offset:
                # What waits stands behind an open transaction of a producer, or Kafka does not say.
                self._watchdog.progressed(lane)
            elif self._watchdog.is_stuck(seconds):
                why = f"lane {lane} has records to decide and has committed nothing for {seconds:.0f} s"
                log.error("this worker is stuck and ends; start it again", lane=lane, why=why)
                last_error.note(self._group, why)
                logging.shutdown()
                os._exit(supervise.EXIT_STUCK)

    async def _tell(self, offsets: Offsets) -> None:
        """Tell the topic of alerts what there is to tell. Apart from `_look`: a slow Kafka must not make us look dead."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._lanes:
                await self._clock_guard.look()
                self.exporter.on_clock_skew(self._clock_guard.skew_seconds)
            await self._alert_publisher.look(offsets, self._lanes)

    def _healthy(self) -> str | None:
        silent = time.monotonic() - self._looked
        return None if silent < _HUNG_SECONDS else f"nothing moved for {silent:.0f} s"

    def _ready(self) -> str | None:
        if not self._joined:
            return "lanes are not yet given out and restored"
        stopped = self.exporter.stopped
        return "; ".join(f"lane {lane} has stopped: {reason}" for lane, reason in sorted(stopped.items())) or None


if __name__ == "__main__":
    sys.exit(main())
