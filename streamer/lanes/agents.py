"""Define the Faust agents. An event's path starts here: agents.py, then lane.py, then decide.py.

The agent only hands batches to their lane. It must never raise or wait, because Faust would acknowledge the failed
event and continue, or its queue would fill. The lane handles everything that can fail, and ends the process if needed.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from streamer.lanes.pool import Pool
from streamer.lanes.transport import CODEC, App, owned

log = structlog.get_logger(__name__)


def build(group: str, bootstrap: str, topic: str, pool: Pool, session_seconds: float = 6.0, **broker: Any) -> App:
    """Build a Faust app that reads one topic into the readers of a pool.

    Parameters
    ----------
    group
        The consumer group: all processes with the same group share the partitions.
    bootstrap
        ``host:port`` of Kafka; separate several with commas.
    topic
        The full name of the topic.
    session_seconds
        Seconds without a heartbeat after which a worker's lanes move to others.
    broker
        Further Faust settings, such as credentials.
    """
    app = App(
        id=group,
        broker=[f"kafka://{address}" for address in bootstrap.split(",")],
        store="memory://",
        # Our own server serves the metrics; Faust's binds all interfaces and requires no password.
        web_enabled=False,
        topic_disable_leader=True,
        # We have no tables. Faust's own assignor, made for tables, would give the third of three workers none of four
        # lanes.
        table_standby_replicas=0,
        topic_allow_declare=False,
        reply_create_topic=False,
        stream_wait_empty=False,
        # This queue must never fill, because a full queue and a rebalance would deadlock. Back-pressure is at the
        # fetch.
        stream_buffer_maxsize=100_000,
        stream_recovery_delay=0.0,
        consumer_auto_offset_reset="none",
        consumer_max_fetch_size=4 * 1_048_576,
        broker_max_poll_records=4_000,
        broker_session_timeout=session_seconds,
        # Workers learn of a rebalance from a heartbeat response, and all lanes pause until then.
        broker_heartbeat_interval=min(0.3, session_seconds / 4),
        broker_rebalance_timeout=60.0,
        # A reader without partitions, or one waiting out a long outage, must not be expelled for idling.
        broker_max_poll_interval=7 * 86_400.0,
        **broker,
    )
    app.readers = pool

    @app.agent(app.topic(topic, key_serializer=CODEC, value_serializer=CODEC), name="lanes")
    async def lanes(stream: Any) -> None:
        async for event in stream.events():
            pool.offer(event.message.partition, event.value)

    # Allow one handover at a time, because a second rebalance may begin while lanes are still opening.
    turn = asyncio.Lock()

    async def on_revoked(*args: Any, **kwargs: Any) -> None:
        async with turn:
            await pool.pause()

    async def on_complete(*args: Any, **kwargs: Any) -> None:
        async with turn:
            await pool.pause()
            await pool.resume(owned(app.consumer.assignment(), topic))

    async def on_shutdown(*args: Any, **kwargs: Any) -> None:
        async with turn:
            await pool.close()

    # Signals hold their receivers weakly.
    app.hooks = (on_revoked, on_complete, on_shutdown)
    app.on_partitions_revoked.connect(on_revoked)
    app.on_rebalance_complete.connect(on_complete)
    app.on_before_shutdown.connect(on_shutdown)
    return app
