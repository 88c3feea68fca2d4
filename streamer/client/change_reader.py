"""Reads published changes like any consumer, with read_committed: between two points, or live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from schemas.records import LogRecord
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed

_PATIENCE_MS = 100


async def ends(connection: KafkaConnection, topic: str, lanes: int) -> dict[int, int]:
    """Return the next offset of each lane of a topic."""
    offsets = Offsets(connection)
    await offsets.start()
    try:
        return {lane: await offsets.end(topic, lane) for lane in range(lanes)}
    finally:
        await offsets.stop()


async def between(
    connection: KafkaConnection, starts: Mapping[int, int], stops: Mapping[int, int]
) -> AsyncIterator[LogRecord]:
    """Yield the changes from ``starts`` up to ``stops`` (exclusive), lane by lane; a customer's changes stay in order."""
    for lane, stop in sorted(stops.items()):
        async for records in read_committed(connection, topics.CHANGES, lane, starts.get(lane, 0), stop):
            for record in records:
                yield record


async def follow(
    connection: KafkaConnection,
    starts: Mapping[int, int],
    on_records: Callable[[Iterable[LogRecord]], None],
    ended: Callable[[], bool],
) -> None:
    """Deliver changes from ``starts`` as they arrive, until ``ended()``; without a consumer group."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **connection.security,
    )
    await reader.start()
    try:
        parts = {TopicPartition(connection.topic(topics.CHANGES), lane): offset for lane, offset in starts.items()}
        reader.assign(list(parts))
        for part, offset in parts.items():
            reader.seek(part, offset)
        while not ended():
            for records in (await reader.getmany(timeout_ms=_PATIENCE_MS)).values():
                on_records(records)
    finally:
        await reader.stop()
