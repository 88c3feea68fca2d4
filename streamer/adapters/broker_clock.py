"""Measure the difference between the broker's clock and ours without leaving a record."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.adapters.kafka import KafkaConnection

_SECONDS = 10.0
_TRIES = 3
_LOG_APPEND_TIME = 1


async def skew_seconds(connection: KafkaConnection, name: str = "doctor") -> float:
    """Return the broker's clock minus ours in seconds, accurate to half the response time.

    Appends a record to the alerts topic, where the broker sets and returns the append time, in a transaction that is then
    aborted, so no reader of committed records sees it. ``name`` ends the transactional id; of two concurrent calls
    with the same name one fails.

    Raises
    ------
    UserError
        The topic does not use the broker's clock.
    TransientError
        Kafka did not accept the record.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=connection.bootstrap,
        transactional_id=f"{connection.group}-{name}",
        transaction_timeout_ms=10_000,
        retry_backoff_ms=10,
        **connection.security,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            await producer.start()
            # The first answer takes longest, and the fastest is the most accurate.
            return min([await _probe(producer, connection.topic(topics.ALERTS)) for _ in range(_TRIES)])[1]
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"cannot read the broker's clock: {error!r}") from error
    finally:
        await producer.stop()


async def _probe(producer: AIOKafkaProducer, topic: str) -> tuple[float, float]:
    """Return the response time and the skew in seconds."""
    await producer.begin_transaction()
    try:
        before = time.time()
        sent = await producer.send_and_wait(topic, b"{}", partition=0)
        after = time.time()
    finally:
        await producer.abort_transaction()
    if sent.timestamp_type != _LOG_APPEND_TIME:
        raise UserError(
            f"cannot read the broker's clock: {topic} must have message.timestamp.type=LogAppendTime",
            "run `streamer topics check --fix`",
        )
    return after - before, sent.timestamp / 1000 - (before + after) / 2
