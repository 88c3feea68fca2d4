"""Reading published changes as any consumer would: read_committed, between two points or as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from schemas import topics
from streamer.adapters.kafka import KafkaConnection


def consumer(connection: KafkaConnection, **options: object) -> AIOKafkaConsumer:
    """A consumer of no group that sees only what was committed; to be started."""
    return AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **connection.security,
        **options,
    )


async def ends(connection: KafkaConnection, topic: str, lanes: int) -> dict[int, int]:
    """The next offset of each lane of a topic."""
    reader = consumer(connection)
    await reader.start()
    try:
        parts = [TopicPartition(connection.topic(topic), lane) for lane in range(lanes)]
        return {part.partition: offset for part, offset in (await reader.end_offsets(parts)).items()}
    finally:
        await reader.stop()


async def between(
    connection: KafkaConnection, starts: Mapping[int, int], stops: Mapping[int, int]
) -> AsyncIterator[ConsumerRecord]:
    """The changes from ``starts`` to before ``stops``, lane by lane; a customer's come in order."""
    wanted = {
        TopicPartition(connection.topic(topics.CHANGES), lane): stop
        for lane, stop in sorted(stops.items())
        if starts.get(lane, 0) < stop
    }
    if not wanted:
        return
    reader = consumer(connection)
    await reader.start()
    try:
        reader.assign(list(wanted))
        for part in wanted:
            reader.seek(part, starts.get(part.partition, 0))
        for part, stop in wanted.items():
            while await reader.position(part) < stop:
                for record in (await reader.getmany(part, timeout_ms=200)).get(part, ()):
                    if record.offset < stop:
                        yield record
    finally:
        await reader.stop()
