"""Read the changes and events of all lanes with one consumer outside any group; the ledger has its positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from streamer.act.ports import Fetched, Source
from streamer.adapters.kafka import KafkaConnection

READ = (topics.CHANGES, topics.EVENTS)
_MOST = 4_000


class KafkaInputs:
    """`Inputs` on Kafka; ``read`` are topics with a partition per lane."""

    def __init__(self, connection: KafkaConnection, lanes: int, read: Sequence[str] = READ) -> None:
        self._connection = connection
        self._parts = {
            TopicPartition(connection.topic(topic), lane): (topic, lane) for topic in read for lane in range(lanes)
        }
        self._positions: dict[TopicPartition, int] = {}
        self._reader: AIOKafkaConsumer | None = None
        # Queries high watermarks, because the reader itself would report an end before the first open transaction.
        self._asker: AIOKafkaConsumer | None = None

    async def open(self, starts: Mapping[Source, int]) -> None:
        self._asker = AIOKafkaConsumer(bootstrap_servers=self._connection.bootstrap, **self._connection.security)
        await self._asker.start()
        self._reader = AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 * topics.MAX_MESSAGE_BYTES,
            fetch_max_wait_ms=100,
            **self._connection.security,
        )
        await self._reader.start()
        first = await self._asker.beginning_offsets(list(self._parts))
        self._reader.assign(list(self._parts))
        for part, source in self._parts.items():
            # If retention deleted records before they were read, start at the first remaining one; the first poll
            # reports it.
            self._positions[part] = starts.get(source, 0)
            self._reader.seek(part, max(self._positions[part], first[part]))

    async def poll(self, seconds: float) -> list[Fetched]:
        assert self._reader is not None
        found = await self._reader.getmany(timeout_ms=int(seconds * 1000), max_records=_MOST)
        fetched = []
        for part, source in self._parts.items():
            end = await self._reader.position(part)
            if end > self._positions[part]:
                fetched.append(Fetched(source, found.get(part, ()), end))
                self._positions[part] = end
        return fetched

    async def ends(self, topic: str) -> dict[Source, int]:
        assert self._asker is not None
        parts = [part for part, source in self._parts.items() if source[0] == topic]
        found = await self._asker.end_offsets(parts)
        return {self._parts[part]: int(end) for part, end in found.items()}

    async def close(self) -> None:
        for consumer in (self._reader, self._asker):
            if consumer is not None:
                await consumer.stop()
        self._reader = self._asker = None
