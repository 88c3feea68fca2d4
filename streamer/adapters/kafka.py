"""Implement a lane's log on Kafka: aiokafka, with one transactional producer per lane.

A lane's transactional id is its fence: starting a producer with it aborts the former owner's open transaction, and
Kafka rejects everything that owner still sends (``docs/adr/0002``). Consumer-group fencing is not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)
from aiokafka.record import default_records, memory_records
from aiokafka.structs import OffsetAndMetadata

from schemas import topics
from schemas.errors import TransientError
from schemas.records import LogRecord
from streamer.adapters import record_batches
from streamer.lanes.ports import Fenced, Writes

log = structlog.get_logger(__name__)

# Applies to every consumer of the process, including Faust's.
record_batches.install(fetcher, memory_records.MemoryRecords, default_records.DefaultRecordBatch)

_FENCED = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, OutOfOrderSequenceNumber)
_BATCH_BYTES = 262_144
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Address and credentials of Kafka, shared by all our clients.

    Attributes
    ----------
    bootstrap
        Address as ``host:port``; separate several with commas.
    prefix
        Topic prefix.
    group
        The consumer group, and the prefix of transactional ids.
    security
        Keyword arguments common to aiokafka's clients: ``security_protocol``, ``sasl_*``, ``ssl_context``.
    """

    bootstrap: str
    prefix: str = ""
    group: str = "streamer"
    security: Mapping[str, Any] = field(default_factory=dict)

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return topics.full_name(name, self.prefix)


class Offsets:
    """Looks up offsets at the broker. A process uses one instance for all lanes; start it before use."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._connection.bootstrap, **self._connection.security)
        await self._consumer.start()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def end(self, topic: str, partition: int) -> int:
        """Return the high watermark: the offset of the next record appended."""
        return await self._own_offset("end_offsets", topic, partition)

    async def first(self, topic: str, partition: int) -> int:
        """Return the first offset still retained."""
        return await self._own_offset("beginning_offsets", topic, partition)

    async def stable(self, topic: str, partition: int) -> int:
        """Return the last stable offset; records after an open transaction are beyond it."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap, isolation_level="read_committed", **self._connection.security
        )
        try:
            # Inside the block, because a cancelled start has connections to close.
            await consumer.start()
            return await _offset(consumer, "end_offsets", self._connection.topic(topic), partition)
        finally:
            await consumer.stop()

    async def _own_offset(self, what: str, topic: str, partition: int) -> int:
        assert self._consumer is not None, "start() comes first"
        return await _offset(self._consumer, what, self._connection.topic(topic), partition)


async def _offset(consumer: AIOKafkaConsumer, what: str, topic: str, partition: int) -> int:
    where = TopicPartition(topic, partition)
    found = await getattr(consumer, what)([where])
    return int(found[where])


async def read_committed(
    connection: KafkaConnection, topic: str, partition: int, start: int, end: int
) -> AsyncGenerator[list[LogRecord]]:
    """Yield a partition's committed records with offsets in ``[start, end)``, in chunks."""
    if start >= end:
        return
    where = TopicPartition(connection.topic(topic), partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=8 * topics.MAX_MESSAGE_BYTES,
        **connection.security,
    )
    try:
        await consumer.start()
        consumer.assign([where])
        consumer.seek(where, start)
        while await consumer.position(where) < end:
            found = await consumer.getmany(where, timeout_ms=200, max_records=_CHUNK)
            if records := [record for record in found.get(where, ()) if record.offset < end]:
                yield records
    finally:
        await consumer.stop()


class KafkaLog:
    """A `LaneLog` on Kafka.

    Parameters
    ----------
    name
        Name of the owner, which ends the transactional id.
    source, changelog
        Topic (without prefix) and partition to consume from and to store the state in.
    group
        Consumer group whose offset is committed in the transaction, for lag tools.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        offsets: Offsets,
        name: str,
        source: tuple[str, int],
        changelog: tuple[str, int],
        group: str | None = None,
    ) -> None:
        self._connection = connection
        self._offsets = offsets
        self._name = name
        self._source = source
        self._changelog = changelog
        self._group = group or connection.group
        self._producer: AIOKafkaProducer | None = None

    @classmethod
    def of_lane(cls, connection: KafkaConnection, offsets: Offsets, lane: int) -> KafkaLog:
        """Return the log of one lane of the input topic."""
        return cls(connection, offsets, f"lane-{lane}", (topics.EVENTS, lane), (topics.STATE, lane))

    async def open(self) -> None:
        await self.close()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap,
            client_id=f"{self._connection.group}-{self._name}",
            transactional_id=f"{self._connection.group}-{self._name}",
            max_batch_size=_BATCH_BYTES,
            max_request_size=4 * topics.MAX_MESSAGE_BYTES,
            # Short, because a dead owner's open transaction hides all later records of the partition.
            transaction_timeout_ms=10_000,
            # Right after a commit the broker briefly answers CONCURRENT_TRANSACTIONS. The default of 100 ms would
            # become the latency of every second transaction.
            retry_backoff_ms=10,
            **self._connection.security,
        )
        await self._producer.start()

    async def commit(self, writes: Writes, next_offset: int) -> int:
        producer = self._producer
        assert producer is not None, "open() comes first"
        changelog_end = 0
        try:
            await producer.begin_transaction()
            sent = []
            for (topic, partition), records in writes.items():
                name = self._connection.topic(topic)
                batch = producer.create_batch()
                for write in records:
                    key, value, headers = write.key, write.value, list(write.headers)
                    if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                        sent.append((topic, batch, await producer.send_batch(batch, name, partition=partition)))
                        batch = producer.create_batch()
                        # An empty batch accepts a record of any size, so that the broker decides whether it is too
                        # large.
                        batch.append(timestamp=None, key=key, value=value, headers=headers)
                sent.append((topic, batch, await producer.send_batch(batch, name, partition=partition)))
            # A failed batch fails only its future; the transaction could still be committed without it.
            for topic, batch, future in sent:
                metadata = await future
                if topic == self._changelog[0]:
                    changelog_end = metadata.offset + batch.record_count()
            consumed = TopicPartition(self._connection.topic(self._source[0]), self._source[1])
            await producer.send_offsets_to_transaction({consumed: OffsetAndMetadata(next_offset, "")}, self._group)
            await producer.commit_transaction()
        except _FENCED as error:
            raise Fenced(f"{self._name} has another owner: {error!r}") from error
        except (KafkaError, IllegalOperation, AssertionError) as error:
            raise TransientError(f"{self._name}: the outcome of a transaction is unknown: {error!r}") from error
        return changelog_end

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        # Our producer has aborted its predecessor's open transactions, so everything up to the high watermark is
        # decided, or will be within the transaction timeout of any other writer.
        end = await self.changelog_end()
        first = await self._offsets.first(*self._changelog)
        async for records in read_committed(self._connection, *self._changelog, max(start, first), end):
            yield [(record.offset, record.key or b"", record.value) for record in records]

    async def changelog_end(self) -> int:
        return await self._offsets.end(*self._changelog)

    async def end_offset(self) -> int:
        return await self._offsets.end(*self._source)

    async def first_offset(self) -> int:
        return await self._offsets.first(*self._source)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 10)
            except (KafkaError, TimeoutError, IllegalOperation) as error:
                log.info("producer did not close cleanly", owner=self._name, error=repr(error))
