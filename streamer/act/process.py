"""Run the ``act`` process: connect real adapters to the ports, and run until a stop signal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.process_collector import ProcessCollector

from schemas import topics
from schemas.errors import UserError
from streamer.act import secrets
from streamer.act.channels.http import HttpSender
from streamer.act.channels.kafka import KafkaSender
from streamer.act.channels.log import LogSender
from streamer.act.channels.notify import NotifySender
from streamer.act.channels.smtp import SmtpSender
from streamer.act.channels.webhook import WebhookSender
from streamer.act.clock import ClockWatch
from streamer.act.customers import RedisCustomers
from streamer.act.heart.address import Addresses
from streamer.act.heart.due import Policy
from streamer.act.heart.state import Outcome, State
from streamer.act.inputs import KafkaInputs
from streamer.act.journal import FileJournal
from streamer.act.links import Links
from streamer.act.metrics import ActMetrics
from streamer.act.owner import ActOwner
from streamer.act.ports import Sender
from streamer.act.settings import ActSettings
from streamer.adapters.broker_clock import skew_seconds
from streamer.adapters.clock import SystemClock
from streamer.adapters.group import act_group
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.redis import connect
from streamer.adapters.topics import lane_count
from streamer.config.settings import Settings
from streamer.lanes import agents
from streamer.lanes.pool import Pool
from streamer.runtime.app import fatal, run_worker
from streamer.runtime.clock_guard import ClockGuard
from streamer.runtime.metrics_port import serve
from streamer.runtime.roles import ROLES, Start
from streamer.telemetry.status_server import StatusServer

log = structlog.get_logger(__name__)

JOURNALS = "act"
"""Folder of the journals, in STREAMER_HOME."""


def run(settings: Settings, start: Start) -> None:
    """Run the role ``act`` (see `roles.Program`). A second process waits until the first is gone."""
    kafka = settings.kafka_connection(start.kafka)
    kafka = replace(kafka, group=topics.full_name(kafka.group, kafka.prefix))
    lanes = lane_count(kafka.bootstrap, kafka.prefix, security=kafka.security)
    if lanes is None:
        raise UserError(f"topic not found: {kafka.topic(topics.EVENTS)}", "run `streamer topics create`")
    url, options = settings.redis_connection(start.redis)
    kept, offsets, clock, metrics = secrets.load(settings), Offsets(kafka), SystemClock(), ActMetrics(settings.timezone)
    client = connect(url, **options)
    group, source, topic = act_group(kafka.group), (topics.ACT, 0), kafka.topic(topics.ACT)
    policy = Policy(
        settings.policy(lanes).shop, settings.timezone, settings.consent_default == "granted", Addresses(kept.link_key)
    )

    def make(partition: int) -> ActOwner:
        def on_turn(state: State, outcome: Outcome) -> None:
            metrics.on_turn(state, outcome, owner.overdue_ms)

        owner = ActOwner(
            KafkaLog(kafka, offsets, "act", source, source, group),
            KafkaInputs(kafka, lanes),
            RedisCustomers(client, kafka.group, lanes),
            senders(kept, lambda: kafka),
            FileJournal(settings.home / JOURNALS),
            policy,
            Links(kept.link_key),
            lanes,
            clock,
            ActSettings(
                lease_seconds=settings.session_seconds / 2,
                event_clock=settings.clock == "event",
                language=settings.language,
                control_keys=settings.control_keys,
            ),
            seek=lambda offset: app.seek_back(topic, partition, offset),
            on_turn=on_turn,
            on_call=metrics.on_call,
            trusts=(lambda now, last: True) if settings.clock == "event" else watch.trusts,
        )
        return owner

    def started(_: Offsets) -> None:
        app.hooks = (*app.hooks, asyncio.get_running_loop().create_task(watch.run(), name="act-clock"))

    watch = ClockWatch(ClockGuard(lambda: skew_seconds(kafka, "clock-act"), "pausing messages"))
    pool = Pool(
        make,
        fatal,
        lambda owned: log.info(
            "became the active sender" if owned else "standing by; another process is the active sender"
        ),
    )
    app = agents.build(group, kafka.bootstrap, topic, pool, settings.session_seconds, **settings.faust_broker())
    server = _serve(settings, metrics)
    try:
        run_worker(app, offsets, started)
    finally:
        server.stop()


def senders(kept: secrets.Secrets, kafka: Callable[[], KafkaConnection]) -> dict[str, Sender]:
    """Return the senders of all kinds of channels; ``kafka`` returns the connection to the service's own Kafka."""
    return {
        "http": HttpSender(kept.http.get),
        "kafka": KafkaSender(kafka),
        "log": LogSender(),
        "notify": NotifySender(),
        "smtp": SmtpSender(lambda: kept.smtp_password),
        "webhook": WebhookSender(kept.of_webhook),
    }


def _serve(settings: Settings, metrics: ActMetrics) -> StatusServer:
    registry = CollectorRegistry()
    registry.register(metrics)
    ProcessCollector(registry=registry)
    server = StatusServer(make_wsgi_app(registry), lambda: None, lambda: None)
    serve(server, ROLES["act"], settings)
    return server
