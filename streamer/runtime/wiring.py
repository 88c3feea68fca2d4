"""Build the `Wiring` of a worker process from the settings."""

from __future__ import annotations

from dataclasses import replace

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.topics import lane_count
from streamer.config.settings import Settings
from streamer.runtime.app import Wiring
from streamer.runtime.roles import Start


def wiring(settings: Settings, start: Start) -> Wiring:
    """Return the parts of a worker, with as many lanes as the input topic has partitions."""
    kafka = settings.kafka_connection(start.kafka)
    # As in client.connections: services side by side must not share a group or fence each other.
    kafka = replace(kafka, group=topics.full_name(kafka.group, kafka.prefix))
    url, options = settings.redis_connection(start.redis)
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
        language=settings.language,
    )


def _lanes(kafka: KafkaConnection) -> int:
    try:
        lanes = lane_count(kafka.bootstrap, kafka.prefix, security=kafka.security)
    except UserError as error:
        # The supervisor has found it before, so this is an outage.
        raise TransientError(error.message) from error
    if lanes is None:
        raise UserError(f"topic not found: {kafka.topic(topics.EVENTS)}", "run `streamer topics create`")
    return lanes
