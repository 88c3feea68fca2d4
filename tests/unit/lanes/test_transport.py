"""Test batches with the offsets they cover, from Faust's consumer thread; a few lines stand in for Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.records import Record
from streamer.lanes.ports import Batch
from streamer.lanes.transport import ConsumerThread, owned

A, B = Record(0, 12, 0, b"a", b""), Record(0, 14, 0, b"b", b"")
P0, P1 = TopicPartition("events", 0), TopicPartition("events", 1)


@dataclass
class FakeConsumer:
    """Kafka's consumer: its assignment, and its positions."""

    positions: dict[TopicPartition, int | None]
    sought: list[tuple[TopicPartition, int]] = field(default_factory=list)

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.sought.append((tp, offset))
        self.positions[tp] = offset

    @property
    def _subscription(self) -> Any:
        def state_value(tp: TopicPartition) -> Any:
            position = self.positions[tp]
            return SimpleNamespace(position=position, has_valid_position=position is not None)

        assignment = SimpleNamespace(tps=self.positions.keys(), state_value=state_value)
        return SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))


@dataclass
class FakeReaders:
    offsets: dict[int, int | None]
    full: set[int] = field(default_factory=set)

    def room(self, partition: int) -> bool:
        return partition not in self.full

    def next_offset(self, partition: int) -> int | None:
        return self.offsets.get(partition)


class Rig:
    """A consumer thread without its thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, offsets: dict[int, int | None]) -> None:
        self.consumer = FakeConsumer({TopicPartition("events", partition): None for partition in offsets})
        self.readers = FakeReaders(offsets)
        self.thread = ConsumerThread.__new__(ConsumerThread)
        self.thread.readers = self.readers
        self.thread._handed = {}
        self.requested: list[set[Any]] = []
        self.fetched: Mapping[Any, Sequence[Any]] = {}
        self.error: Exception | None = None

        async def fetch(thread: Any, consumer: Any, wanted: set[Any], **bounds: Any) -> Mapping[Any, Sequence[Any]]:
            self.requested.append(set(wanted))
            if self.error is not None:
                raise self.error
            return self.fetched

        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch)
        monkeypatch.setattr(ConsumerThread, "_ensure_consumer", lambda thread: self.consumer)

    def seek_to_readers(self) -> dict[TopicPartition, int]:
        return asyncio.run(self.thread._seek_to_readers())

    def fetch(self, fetched: Mapping[Any, Sequence[Any]], **positions: int) -> Mapping[Any, list[Batch]]:
        """Return what the thread passes on after the consumer fetched this and is there now (``p0=7``)."""
        self.fetched = fetched
        self.consumer.positions |= {TopicPartition("events", int(name[1:])): at for name, at in positions.items()}
        active: set[Any] = set(self.consumer.positions)
        return asyncio.run(self.thread._fetch_records(self.consumer, active))


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch, {0: 10, 1: 20})
    assert rig.seek_to_readers() == {P0: 10, P1: 20}
    return rig


def test_every_partition_starts_where_its_reader_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, {0: 10, 1: None})
    assert rig.seek_to_readers() == {P0: 10}
    assert rig.consumer.sought == [(P0, 10)]
    # A partition without a reader is not fetched.
    rig.fetch({}, p0=10)
    assert rig.requested == [{P0}]


def test_a_batch_stands_for_all_offsets_up_to_the_position(rig: Rig) -> None:
    assert rig.fetch({P0: (A, B)}, p0=15, p1=20) == {P0: [Batch(10, 15, (A, B))]}
    # The next begins where the last ended, and a gap without records (an aborted transaction) is passed on as well.
    assert rig.fetch({}, p0=18, p1=20) == {P0: [Batch(15, 18, ())]}
    assert rig.fetch({}, p0=18, p1=20) == {}


def test_a_partition_without_room_is_not_fetched(rig: Rig) -> None:
    rig.readers.full = {1}
    rig.fetch({}, p0=10, p1=20)
    rig.readers.full = {0, 1}
    assert rig.fetch({P0: (A,)}, p0=11) == {}
    assert rig.requested == [{P0}]


def test_a_new_group_has_no_offsets_and_needs_none(rig: Rig) -> None:
    rig.error = NoOffsetForPartitionError(0)
    assert rig.fetch({}) == {}


def test_a_reader_whose_records_were_deleted_is_given_a_hole(rig: Rig) -> None:
    rig.error = OffsetOutOfRangeError({P1: 20})
    assert rig.fetch({}) == {P1: [Batch(21, 21, ())]}


def test_what_was_fetched_for_a_partition_that_went_meanwhile_is_dropped(rig: Rig) -> None:
    del rig.consumer.positions[P1]
    active: set[Any] = {P0, P1}
    rig.fetched = {P1: (A,)}
    rig.consumer.positions[P0] = 10
    assert asyncio.run(rig.thread._fetch_records(rig.consumer, active)) == {}


def test_a_position_that_is_not_known_yet_counts_as_the_start(rig: Rig) -> None:
    assert rig.consumer.positions[P0] == 10
    rig.consumer.positions[P0] = None
    assert rig.fetch({P0: (A,)}, p1=20) == {P0: [Batch(10, 10, (A,))]}


def test_a_hole_is_read_again(rig: Rig) -> None:
    rig.fetch({P0: (A,)}, p0=15, p1=20)
    rig.thread._seek_back(P0, 12)
    assert rig.consumer.sought[-1] == (P0, 12)
    assert rig.fetch({P0: (B,)}, p0=15, p1=20) == {P0: [Batch(12, 15, (B,))]}
    # A lane that was given up meanwhile no longer seeks.
    rig.thread._seek_back(TopicPartition("events", 7), 3)
    assert rig.consumer.sought[-1] == (P0, 12)


def test_after_a_rebalance_nothing_is_known_of_partitions_that_went(rig: Rig) -> None:
    rig.readers.offsets = {1: 25}
    assert rig.seek_to_readers() == {P1: 25}
    rig.fetch({}, p0=30, p1=25)
    assert rig.requested[-1] == {P1}


def test_nothing_is_ever_committed_from_here(rig: Rig) -> None:
    assert asyncio.run(rig.thread._commit({TP("events", 0): 5})) is True
    # The consumer returns its partitions as a set.
    assert sorted(rig.consumer.sought) == [(P0, 10), (P1, 20)]


def test_only_the_one_topic_counts() -> None:
    assert owned([TP("events", 3), TP("events", 1), TP("others", 2)], "events") == {1, 3}
