"""Carry records with Faust: Faust handles membership and fetching, this module handles positions.

It replaces three parts of Faust's own driver, because each loses data or stops for ever
(``docs/adr/0006``):

- one message per partition and fetch, with all its records and the offsets ``[start, end)`` they cover, so
  that the reader notices at the next fetch if one was dropped around a rebalance;
- a partition whose reader has no room is not fetched, so that Faust's own queues never fill;
- offsets are never committed from here: they are part of the lane's transaction, and a partition starts at its
  reader's offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, cast

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.serializers import codecs
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streamer.lanes.ports import Batch

log = structlog.get_logger(__name__)

NO_ROOM_SECONDS = 0.02
CODEC = "streamer-batch"


class Readers(Protocol):
    """Receives the batches. ``room`` is called from the consumer's thread, all other methods from the main loop."""

    def room(self, partition: int) -> bool:
        """Return whether the partition's reader accepts another batch."""
        ...

    def next_offset(self, partition: int) -> int | None:
        """Return the offset at which to read the partition; None if it has no reader."""
        ...


class _Identity(codecs.Codec):
    """Passes batches through unchanged, because they are not bytes."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


codecs.register(CODEC, _Identity())


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka. Methods named ``_...`` here run in its own loop."""

    logger = driver.logger
    readers: Readers

    def __post_init__(self) -> None:
        super().__post_init__()
        # By partition: the offset up to which records were delivered, or the last one sought.
        self._handed: dict[TopicPartition, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Skip aborted upstream transactions. The consumer reads this when it starts its fetcher.
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Mapping[TP, list[Batch]]:
        wanted = {tp for tp in active_partitions if tp in self._handed and self.readers.room(tp.partition)}
        if not wanted:
            await asyncio.sleep(NO_ROOM_SECONDS)
            return {}
        try:
            fetched = await super()._fetch_records(consumer, wanted, timeout=timeout, max_records=max_records)
        except NoOffsetForPartitionError:
            # A new group has no offset and needs none: the fetcher asked before we sought.
            return {}
        except OffsetOutOfRangeError as error:
            await asyncio.sleep(NO_ROOM_SECONDS)
            return _holes(error)
        # No await from here on, so that positions and records stay consistent.
        batches: dict[TP, list[Batch]] = {}
        assignment = consumer._subscription.subscription.assignment
        for tp in wanted:
            start = self._handed.get(tp)
            if start is None or assignment is None or tp not in assignment.tps:
                continue
            state = assignment.state_value(tp)
            end = state.position if state.has_valid_position else start
            if tp in fetched or end > start:
                batches[tp] = [Batch(start, end, fetched.get(tp, ()))]
                self._handed[tp] = end
        return batches

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Start every owned partition at its reader's offset after a rebalance."""
        return cast(Mapping[TP, int], await self.call_thread(self._seek_to_readers))

    async def _seek_to_readers(self) -> dict[TopicPartition, int]:
        consumer = self._ensure_consumer()
        self._handed.clear()
        found = {}
        for tp in consumer.assignment():
            offset = self.readers.next_offset(tp.partition)
            if offset is not None:
                consumer.seek(tp, offset)
                self._handed[tp] = found[tp] = offset
        return found

    def seek_back(self, topic: str, partition: int, offset: int) -> None:
        """Read a partition again from ``offset``; may be called from any thread."""
        self.thread_loop.call_soon_threadsafe(self._seek_back, TopicPartition(topic, partition), offset)

    def _seek_back(self, tp: TopicPartition, offset: int) -> None:
        if tp in self._handed:
            self._ensure_consumer().seek(tp, offset)
            self._handed[tp] = offset

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Disable Faust's livelock check, which watches commits that Faust no longer makes."""


def _holes(error: OffsetOutOfRangeError) -> Mapping[TP, list[Batch]]:
    """Return batches that notify readers of deleted records."""
    return {tp: [Batch(at + 1, at + 1, ())] for tp, at in error.args[0].items()}


class Consumer(driver.Consumer):
    """Faust's consumer with our thread; it ignores acknowledgements."""

    logger = driver.logger
    _thread: ConsumerThread

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.readers = cast(App, self.app).readers
        return thread

    def _to_message(self, tp: TP, record: Batch) -> ConsumerMessage:
        # Offsets may go back after a seek; Faust would drop everything below the last offset it saw.
        self._read_offset[tp] = None
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.start,
            0.0,
            0,
            [],
            None,
            cast(Any, record),
            None,
            None,
            None,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps; lanes handle them."""


class Transport(driver.Transport):
    Consumer = Consumer


class App(faust.App):
    """A Faust application whose ``readers`` consume one topic in batches.

    Attributes
    ----------
    before_start
        Awaited once in the running loop, before the first fetch.
    hooks
        Keeps alive the receivers of Faust's signals, which holds them weakly.
    """

    logger = driver.logger
    readers: Readers
    before_start: Callable[[], Awaitable[None]]
    hooks: tuple[Any, ...] = ()

    async def on_first_start(self) -> None:
        """Skip Faust's creation of a data folder: we have no tables."""

    async def on_start(self) -> None:
        await super().on_start()
        await self.before_start()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self, loop=self.loop)

    def seek_back(self, topic: str, partition: int, offset: int) -> None:
        """Read a partition again from ``offset``."""
        cast(Consumer, self.consumer)._thread.seek_back(topic, partition, offset)


def owned(assignment: Iterable[TP], topic: str) -> set[int]:
    """Return the partitions of one topic in an assignment."""
    return {tp.partition for tp in assignment if tp.topic == topic}
