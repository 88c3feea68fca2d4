"""Infer the producers' partitioner from the keys and partitions of records. Pure functions.

A record on a partition other than murmur2 of its key costs a hop, because its lane reroutes it. The record does not
name the client that wrote it, but common clients have few partitioners, and the right guess explains all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from schemas.control import CONTROL_HEADER, REROUTED_HEADER
from schemas.partition import partition_for
from schemas.records import LogRecord


def crc32_partition(key: bytes, partitions: int) -> int:
    """Choose a partition like librdkafka's default, ``consistent_random``."""
    return zlib.crc32(key) % partitions


def fnv1a_partition(key: bytes, partitions: int) -> int:
    """Choose a partition like Sarama's hash partitioner and kafka-go's ``Hash``.

    The partition is the absolute remainder of a signed 32-bit hash.
    """
    hashed = 0x811C9DC5
    for byte in key:
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    return abs(hashed - (1 << 32) if hashed >> 31 else hashed) % partitions


@dataclass(frozen=True, slots=True)
class Partitioner:
    """A way to choose partitions other than murmur2, with the clients that use it and the setting to change there."""

    name: str
    place: Callable[[bytes, int], int]
    clients: str
    hint: str


PARTITIONERS: Final = (
    Partitioner(
        "CRC32",
        crc32_partition,
        "a librdkafka client (confluent-kafka, kcat, and most clients for Ruby, PHP, Rust, .NET)",
        "set partitioner=murmur2_random in that client",
    ),
    Partitioner(
        "FNV-1a",
        fnv1a_partition,
        "a Go client (Sarama, or kafka-go with the Hash balancer)",
        "give that client a murmur2 partitioner (kafka-go: Balancer: &kafka.Murmur2Balancer{})",
    ),
)
_EXPLAINED: Final = 0.9
_CHANCE: Final = 100


@dataclass(frozen=True, slots=True)
class Placement:
    """The result of sampling the input.

    Attributes
    ----------
    records
        Number of events; a rerouted event counts once.
    keyless, misplaced
        Number of events without a key, and of events on a partition other than murmur2 of their key.
    partitioner
        Partitioner that explains the misplaced events; None if no known one does.
    explained
        Number of misplaced events that it explains.
    """

    records: int
    keyless: int
    misplaced: int
    partitioner: Partitioner | None
    explained: int


def placement(sample: Iterable[LogRecord], partitions: int) -> Placement:
    """Judge a sample of a topic with ``partitions`` partitions.

    Rerouted records carry their origin, which is evidence too: after a burst they may be all that the end of the log
    contains. That evidence does not count by itself, because a merged customer's records are rerouted as well.

    A partitioner is named if it explains nine of ten misplaced records, and there are enough of them that chance would
    not do so once in a hundred topics.
    """
    at_home: set[tuple[bytes, bytes | None]] = set()
    astray: dict[tuple[bytes, bytes | None], int] = {}
    carried: dict[tuple[bytes, bytes | None], int] = {}
    keyless = 0
    for record in sample:
        headers = dict(record.headers)
        if CONTROL_HEADER in headers:
            continue
        body = record.key or b"", record.value
        if (origin := headers.get(REROUTED_HEADER)) is not None:
            if origin.isdigit():
                carried[body] = int(origin)
        elif not record.key:
            keyless += 1
        elif partition_for(record.key, partitions) != record.partition:
            astray[body] = record.partition
        else:
            at_home.add(body)
    every = carried | astray
    best, most = None, 0
    for one in PARTITIONERS:
        explained = sum(one.place(key, partitions) == partition for (key, _), partition in every.items())
        if explained >= _EXPLAINED * len(every) and explained > most and partitions**explained >= _CHANCE:
            best, most = one, explained
    misplaced = len(astray if best is None else every)
    return Placement(len(at_home) + keyless + misplaced, keyless, misplaced, best, most)
