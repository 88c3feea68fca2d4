"""Test the read model killed while it fills, and its file deleted: at rest it has the topics' records, each once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas import topics
from schemas.changes import Change, Membership, ModelRef, SegmentRef, encode_change, encode_memberships
from schemas.partition import partition_for
from streamer.act.inputs import KafkaInputs
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.topics import create_topics
from streamer.embedded import Addresses
from streamer.web.readmodel import tables
from streamer.web.readmodel.feeder import READ
from streamer.web.readmodel.reading import Reader

pytestmark = pytest.mark.integration

KILLS, CUSTOMERS = int(os.environ.get("READ_MODEL_KILLS", "5")), int(os.environ.get("READ_MODEL_CUSTOMERS", "6000"))
LANES = 2
NOW = 20_000 * 86_400_000
SEGMENTS = ("new", "active", "loyal")
OLD = 50
"""Number of records per lane that left the topic of changes by age."""


class Held(NamedTuple):
    """Contents of the topics, counted separately."""

    members: Counter[str]
    flows: Counter[tuple[str, str]]
    moves: Counter[str]


class Feeding:
    """Start a process that fills the file."""

    def __init__(self, bootstrap: str, prefix: str, file: Path) -> None:
        command = [sys.executable, "-m", "feeding", bootstrap, prefix, str(LANES), str(file)]
        path = os.pathsep.join(("tests/support", *sys.path))
        self.process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.says("begins")

    def says(self, word: str) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None
        patience = threading.Timer(90, self.process.kill)
        patience.start()
        line = self.process.stdout.readline()
        patience.cancel()
        assert line == f"{word}\n", line or self.process.stderr.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


def records(chance: random.Random) -> Iterator[tuple[str, str, bytes | None]]:
    """Return topic, customer and value of records: each customer enters, moves twice, and every tenth is erased."""
    for number in range(CUSTOMERS):
        id, before = f"c{number}", None
        for seq in (1, 2, 3):
            after = chance.choice([one for one in SEGMENTS if one != before])
            yield topics.CHANGES, id, encode_change(_change(id, seq, before, after), NOW)
            held = {"lifecycle": Membership(after, after.title(), NOW + seq, 1)}
            yield topics.MEMBERSHIPS, id, encode_memberships(id, seq, NOW, held)
            before = after
        if number % 10 == 0:
            yield topics.CHANGES, id, encode_change(_change(id, 4, before, None, "erase"), NOW)
            yield topics.MEMBERSHIPS, id, None


def _change(id: str, seq: int, before: str | None, after: str | None, cause: str = "event") -> Change:
    return Change(
        event_id=f"{id}-{seq}",
        customer_id=id,
        seq=seq,
        segmentation="lifecycle",
        from_segment=None if before is None else SegmentRef(before, before.title()),
        to_segment=None if after is None else SegmentRef(after, after.title()),
        cause=cause,  # type: ignore[arg-type]
        automation_safe=True,
        is_initial=before is None,
        changed_at=NOW + seq,
        trigger=None,
        model=ModelRef("rules", 1),
        reasons=(),
        features={},
    )


async def publish(connection: KafkaConnection) -> Held:
    """Write everything; return what there is to read after the oldest changes are gone."""
    held: dict[str, str | None] = {}
    changes: list[list[tuple[str, str, str]]] = [[] for _ in range(LANES)]
    last = dict[str, tuple[str | None, int]]()
    async with AIOKafkaProducer(bootstrap_servers=connection.bootstrap, linger_ms=20) as producer:
        sent = []
        for topic, id, value in records(random.Random(5)):
            lane = partition_for(id.encode(), LANES)
            sent.append(await producer.send(connection.topic(topic), value, key=id.encode(), partition=lane))
            if topic == topics.MEMBERSHIPS:
                held[id] = None if value is None else _segment(value)
                last[id] = held[id], lane
            elif value is not None:
                changes[lane].append((id, *_way(value)))
        for lane in range(LANES):
            # All of these are deleted, so that nothing of the topic is ever read.
            topic = connection.topic(topics.MESSAGES)
            sent += [await producer.send(topic, b"{}", key=b"c1", partition=lane) for _ in range(3)]
        await asyncio.gather(*sent)
    kept = [one for lane in changes for one in lane[OLD:]]
    gone = {id for id, segment in held.items() if segment is None}
    return Held(
        Counter(segment for segment in held.values() if segment is not None),
        Counter((before, after) for _, before, after in kept),
        Counter(id for id, _, _ in kept if id not in gone),
    )


def _segment(value: bytes) -> str:
    return next(name for name in SEGMENTS if f'"id":"{name}"'.encode() in value)


def _way(value: bytes) -> tuple[str, str]:
    body = json.loads(value)
    return tuple("" if body[end] is None else body[end]["id"] for end in ("from", "to"))  # type: ignore[return-value]


def forget_the_oldest(connection: KafkaConnection) -> None:
    """Delete records as retention does."""
    admin = AdminClient({"bootstrap.servers": connection.bootstrap})
    until = {topics.CHANGES: OLD, topics.MESSAGES: 3}
    where = [TopicPartition(connection.topic(topic), lane, until[topic]) for topic in until for lane in range(LANES)]
    for future in admin.delete_records(where, request_timeout=20).values():
        future.result(20)


async def ends(connection: KafkaConnection) -> dict[tuple[str, int], int]:
    inputs = KafkaInputs(connection, LANES, READ)
    await inputs.open({})
    try:
        return {source: end for topic in READ for source, end in (await inputs.ends(topic)).items()}
    finally:
        await inputs.close()


def read(file: Path) -> Held:
    with closing(Reader(file)) as reader, closing(sqlite3.connect(file)) as db:
        counts = reader.counts().get("lifecycle", {})
        flows = Counter[tuple[str, str]]()
        for one in reader.flows("lifecycle", 0, 40_000):
            flows[one.before, one.after] += one.customers
        moves = Counter(dict(db.execute("SELECT customer, COUNT(*) FROM move GROUP BY customer").fetchall()))
    return Held(Counter(counts), flows, moves)


def reached(file: Path) -> int:
    """Return how many offsets the file has read."""
    try:
        with closing(sqlite3.connect(file)) as db:
            return int(db.execute("SELECT IFNULL(SUM(next), 0) FROM position").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_killed_and_deleted_at_random_it_holds_what_the_topics_hold(
    addresses: Addresses, prefix: str, tmp_path: Path
) -> None:
    connection, file = KafkaConnection(addresses.kafka, prefix), tmp_path / "web.sqlite"
    create_topics(addresses.kafka, prefix=prefix, lanes=LANES)
    expected = asyncio.run(publish(connection))
    forget_the_oldest(connection)
    chance, stands = random.Random(9), list[int]()
    whole = sum(asyncio.run(ends(connection)).values())
    for number in range(KILLS):
        feeding = Feeding(addresses.kafka, prefix, file)
        # It is at work then, wherever: in a transaction, between two, or done.
        before, limit = reached(file), time.monotonic() + 5
        while reached(file) == before < whole and time.monotonic() < limit:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.06))
        if number % 3 == 2:
            # While the process writes it, which then fills another.
            tables.remove(file)
            time.sleep(chance.uniform(0.0, 0.3))
        feeding.kill()
        stands.append(reached(file))
    last = Feeding(addresses.kafka, prefix, file)
    try:
        last.says("current")
        assert read(file) == expected
        assert reached(file) == whole
        assert any(0 < stand < whole for stand in stands), "no kill came while it was filled"
    finally:
        last.kill()
