"""Write an import's records to the lanes, and count how many were written before."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas import topics
from schemas.control import ALIAS_HEADER, IMPORT_HEADER, REROUTED_HEADER
from schemas.errors import TransientError
from schemas.partition import partition_for
from schemas.signing import ControlKeys
from streamer.adapters.kafka import KafkaConnection
from streamer.sources.import_records import Outgoing

_PASSED_ON = (REROUTED_HEADER, ALIAS_HEADER)
_BATCH_BYTES = 262_144
_MAX_OPEN = 20_000
"""Maximum number of unconfirmed records: enough to fill batches without using much memory."""
_BREATH = 200
"""Number of records after which to yield to the sender, which runs in the same event loop."""
_STOP_SECONDS = 10.0
# The broker limits the size of a whole batch, including its header.
_MAX_RECORD_BYTES = topics.MAX_MESSAGE_BYTES - 4_096


@dataclass(slots=True)
class Sent:
    """The result of writing: records written, next offset by lane, and events too large for the broker."""

    records: int = 0
    skipped: int = 0
    too_long: int = 0
    ends: dict[int, int] = field(default_factory=dict)


def producer(connection: KafkaConnection, **options: Any) -> AIOKafkaProducer:
    """Create a producer that keeps each lane's order and sends no duplicates; the caller starts it."""
    return AIOKafkaProducer(
        bootstrap_servers=connection.bootstrap,
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_MAX_RECORD_BYTES,
        **connection.security,
        **options,
    )


def lane_of(key: bytes | None, value: bytes | None, lanes: int) -> int:
    """Return the lane of an event. An event without a key has no customer: any lane dead-letters it, but always the same."""
    return partition_for(key or value or b"", lanes)


async def write(
    records: Iterable[Outgoing],
    connection: KafkaConnection,
    lanes: int,
    *,
    keys: ControlKeys | None = None,
    skip: Mapping[int, int] | None = None,
    on_day: Callable[[Sent], Awaitable[None]] | None = None,
) -> Sent:
    """Write records in order and confirm them in order per lane, so that a crash leaves a prefix of each lane's records.

    Parameters
    ----------
    keys
        Keys that sign the control records, if given.
    skip
        Number of events to skip per lane because they are already there; control records are always
        written.
    on_day
        Awaited with the progress after every record for all lanes (about one per day of data); may wait for
        others.

    Raises
    ------
    TransientError
        Kafka did not accept a record.
    """
    sent, left = Sent(), dict(skip or {})
    topic = connection.topic(topics.EVENTS)
    waiting: deque[asyncio.Future[Any]] = deque()

    async def confirm(down_to: int) -> None:
        while len(waiting) > down_to or (waiting and waiting[0].done()):
            written = await waiting.popleft()
            sent.ends[written.partition] = max(sent.ends.get(written.partition, 0), written.offset + 1)

    client = producer(connection, linger_ms=5)
    await client.start()
    try:
        for number, one in enumerate(records, 1):
            for lane in range(lanes) if one.every_lane else (lane_of(one.key, one.value, lanes),):
                if not one.every_lane and left.get(lane, 0) > 0:
                    left[lane] -= 1
                    sent.skipped += 1
                    continue
                try:
                    waiting.append(
                        await client.send(
                            topic, one.value, one.key, partition=lane, headers=list(one.headers_for(lane, keys))
                        )
                    )
                    sent.records += 1
                except MessageSizeTooLargeError:
                    sent.too_long += 1
            if one.every_lane and on_day is not None:
                await on_day(sent)
            if number % _BREATH == 0:
                await confirm(_MAX_OPEN)
                await asyncio.sleep(0)
        await confirm(0)
    except KafkaError as error:
        raise TransientError(f"Kafka at {connection.bootstrap} rejected the records: {error!r}") from error
    finally:
        await stop(client)
    return sent


async def stop(client: AIOKafkaProducer) -> None:
    """Stop a producer. Abandon it after a while if it cannot flush its records."""
    with contextlib.suppress(TimeoutError, KafkaError):
        await asyncio.wait_for(client.stop(), _STOP_SECONDS)


async def count_written(
    connection: KafkaConnection, import_id: str, starts: Mapping[int, int], lanes: Sequence[int]
) -> dict[int, int]:
    """Count the events that the import itself wrote to each lane.

    Excludes its control records and events forwarded by other lanes: an id joined to a customer of another lane has
    its events in both.

    Parameters
    ----------
    starts
        Offsets by lane at which to start reading; defaults to the first available.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=connection.bootstrap, enable_auto_commit=False, **connection.security)
    await consumer.start()
    try:
        parts = [TopicPartition(connection.topic(topics.EVENTS), lane) for lane in lanes]
        first, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, max(first[part], starts.get(part.partition, 0)))
        name, found = import_id.encode(), dict.fromkeys(lanes, 0)
        reading = set(parts)
        while reading:
            for part, records in (await consumer.getmany(*reading, timeout_ms=200)).items():
                found[part.partition] += sum(_is_written_by(name, record.headers) for record in records)
            reading = {part for part in reading if await consumer.position(part) < ends[part]}
        return found
    except KafkaError as error:
        raise TransientError(f"Kafka at {connection.bootstrap}: {error!r}") from error
    finally:
        await consumer.stop()


def _is_written_by(import_id: bytes, headers: Sequence[tuple[str, bytes]]) -> bool:
    """Return whether a record with these headers was written by the import itself."""
    return (IMPORT_HEADER, import_id) in headers and not any(name in _PASSED_ON for name, _ in headers)
