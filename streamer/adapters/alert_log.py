"""Read open alerts from the alerts topic on Kafka, and append new ones."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from pydantic import ValidationError

from schemas import topics
from schemas.alerts import Alert
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed


async def open_alerts(connection: KafkaConnection, offsets: Offsets) -> list[Alert]:
    """Return the alerts raised and not cleared. Skips those that a later version wrote in another format."""
    end, first = await offsets.end(topics.ALERTS, 0), await offsets.first(topics.ALERTS, 0)
    standing: dict[bytes, Alert] = {}
    async for records in read_committed(connection, topics.ALERTS, 0, first, end):
        for record in records:
            try:
                alert = Alert.model_validate_json(record.value or b"")
            except ValidationError:
                continue
            if alert.type == "alert.raised":
                standing[alert.key] = alert
            else:
                standing.pop(alert.key, None)
    return list(standing.values())


async def publish(connection: KafkaConnection, alerts: list[Alert]) -> None:
    """Write alerts, in order. Raises KafkaError if the broker rejects them.

    Alerts are rare, so each call creates a producer.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=connection.bootstrap, enable_idempotence=True, retry_backoff_ms=10, **connection.security
    )
    await producer.start()
    try:
        for alert in alerts:
            await producer.send_and_wait(
                connection.topic(topics.ALERTS), alert.model_dump_json().encode(), key=alert.key, partition=0
            )
    finally:
        await producer.stop()
