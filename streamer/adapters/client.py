"""Send records and read topics for the command line with kafka-python, which blocks."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from schemas.errors import TransientError, UserError
from schemas.partition import partition_for
from schemas.records import Headers, Record
from schemas.topics import MAX_MESSAGE_BYTES
from streamer.adapters import record_batches
from streamer.adapters.admin import connect
from streamer.adapters.kafka import KafkaConnection

ANSWER_SECONDS: Final = 30.0
_IN_FLIGHT: Final = 2_000
_POLL_MS: Final = 250
# An open transaction hides the records after it until its timeout; listing does not wait for that.
_STUCK_SECONDS: Final = 2.0

Acknowledged = Callable[[int, int], None]
"""Called with the partition and offset of each acknowledged record."""


class Sender:
    """Sends records to one topic, each to its key's partition, and waits for the broker to acknowledge them."""

    def __init__(self, producer: Any, topic: str, partitions: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._waiting: deque[tuple[Any, int, Acknowledged | None]] = deque()

    def send(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        acknowledged: Acknowledged | None = None,
        *,
        partition: int | None = None,
    ) -> None:
        """Queue a record. Blocks only while very many are in flight.

        Raises
        ------
        UserError
            This record, or an earlier one, is larger than the topic allows.
        TransientError
            The broker rejected a record sent so far.
        """
        from kafka.errors import KafkaError, MessageSizeTooLargeError

        if partition is None:
            # What names nobody belongs to no lane: its bytes spread it.
            partition = partition_for(key or value or b"", self._partitions)
        size = len(key or b"") + len(value or b"")
        try:
            future = self._producer.send(
                self._topic, value=value, key=key, headers=list(headers) or None, partition=partition
            )
        except MessageSizeTooLargeError:
            raise too_large(size) from None
        except KafkaError as error:
            raise TransientError(f"Kafka rejected a record: {error}") from error
        self._waiting.append((future, size, acknowledged))
        while len(self._waiting) > _IN_FLIGHT:
            self._await_oldest()

    def flush(self) -> None:
        """Wait until the broker has acknowledged everything. Raises the errors of `send`."""
        while self._waiting:
            self._await_oldest()

    def _await_oldest(self) -> None:
        from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

        future, size, acknowledged = self._waiting.popleft()
        try:
            metadata = future.get(timeout=ANSWER_SECONDS)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            raise too_large(size) from None
        except KafkaError as error:
            raise TransientError(f"Kafka rejected a record: {error}") from error
        if acknowledged is not None:
            acknowledged(metadata.partition, metadata.offset)


def too_large(size: int) -> UserError:
    """Return the error for a record that exceeds the topic's limit."""
    return UserError(
        f"this record has {size:,} bytes; the topic's limit (max.message.bytes) is {MAX_MESSAGE_BYTES:,} bytes",
        "remove fields that segments do not need, for example long texts",
    )


@contextmanager
def sender(connection: KafkaConnection, topic: str, partitions: int) -> Generator[Sender]:
    """Open a `Sender` to a topic (name without prefix). All records are acknowledged when the block ends without error."""
    # Fails fast, with a plain message, if there is no Kafka.
    with connect(connection.bootstrap, connection.security):
        pass
    from kafka import KafkaProducer

    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    producer = KafkaProducer(
        bootstrap_servers=connection.bootstrap.split(","),
        client_id="streamer-publish",
        linger_ms=5,
        batch_size=131_072,
        # The broker's limit decides; its error is translated.
        max_request_size=64 * MAX_MESSAGE_BYTES,
        delivery_timeout_ms=int(ANSWER_SECONDS * 1000),
        request_timeout_ms=int(ANSWER_SECONDS * 1000) // 2,
        max_block_ms=int(ANSWER_SECONDS * 1000),
        allow_auto_create_topics=False,
        **connection.security,
    )
    made = Sender(producer, connection.topic(topic), partitions)
    try:
        yield made
        made.flush()
    finally:
        producer.close(timeout=2)


def read(
    connection: KafkaConnection,
    topic: str,
    *,
    from_start: bool = True,
    follow: bool = False,
    at: tuple[int, int] | None = None,
    latest: int | None = None,
    ready: Callable[[], None] = lambda: None,
) -> Iterator[Record]:
    """Yield committed records of a topic (name without prefix), in order within each partition.

    Parameters
    ----------
    from_start
        If False, read only records appended from now on.
    follow
        Whether to read forever; otherwise, up to the current ends.
    at
        Partition and offset to start at; reads only that partition.
    latest
        Number of offsets to read at the end of each partition.
    ready
        Called as soon as every record appended later will be read.

    Raises
    ------
    UserError
        There is no Kafka or no such topic.
    """
    name = connection.topic(topic)
    with connect(connection.bootstrap, connection.security) as admin:
        found = [one for one in admin.describe_topics([name]) if not one["error_code"]]
    if not found:
        raise UserError(f"topic not found: {name}", "run `streamer topics create`")
    from kafka import KafkaConsumer, TopicPartition
    from kafka.consumer import fetcher
    from kafka.errors import KafkaError
    from kafka.record import default_records, memory_records

    record_batches.install(fetcher, memory_records.MemoryRecords, default_records.DefaultRecordBatch)
    partitions = sorted(part["partition_index"] for part in found[0]["partitions"])
    if at is not None:
        partitions = [partition for partition in partitions if partition == at[0]]
    if not partitions:
        return
    consumer = KafkaConsumer(
        bootstrap_servers=connection.bootstrap.split(","),
        client_id="streamer-read",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        # A dead letter may exceed a fetch; the broker returns a single record whatever its size.
        max_partition_fetch_bytes=4 * MAX_MESSAGE_BYTES,
        **connection.security,
    )
    try:
        places = [TopicPartition(name, partition) for partition in partitions]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        _seek(consumer, ends, from_start=from_start, at=at, latest=latest)
        ready()
        yield from _poll(consumer, None if follow else ends)
    except KafkaError as error:
        raise TransientError(f"Kafka at {connection.bootstrap}: {error}") from error
    finally:
        consumer.close()


def _seek(
    consumer: Any, ends: Mapping[Any, int], *, from_start: bool, at: tuple[int, int] | None, latest: int | None
) -> None:
    """Position a consumer at the first requested record of each partition; see `read` for the parameters."""
    firsts = consumer.beginning_offsets(list(ends)) if latest is not None else {}
    for place, end in ends.items():
        if at is not None:
            consumer.seek(place, at[1])
        elif latest is not None:
            consumer.seek(place, max(firsts[place], end - latest))
        elif not from_start:
            consumer.seek(place, end)
        else:
            consumer.seek_to_beginning(place)


def _poll(consumer: Any, ends: Mapping[Any, int] | None) -> Iterator[Record]:
    """Yield records up to ``ends`` or until none are left; without ``ends``, never end."""
    quiet_since = time.monotonic()
    while ends is None or any(consumer.position(place) < end for place, end in ends.items()):
        polled = consumer.poll(timeout_ms=_POLL_MS)
        for records in polled.values():
            for one in records:
                headers = tuple((header, value or b"") for header, value in one.headers)
                yield Record(one.partition, one.offset, one.timestamp, one.key, one.value, headers)
        if polled:
            quiet_since = time.monotonic()
        elif ends is not None and time.monotonic() - quiet_since > _STUCK_SECONDS:
            return
