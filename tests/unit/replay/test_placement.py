from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from schemas.control import CONTROL_HEADER, REROUTED_HEADER
from schemas.partition import partition_for
from schemas.records import Headers, Record
from streamer.replay.placement import PARTITIONERS, Placement, crc32_partition, fnv1a_partition, placement

KEYS = [f"customer-{number}".encode() for number in range(200)]
Place = Callable[[bytes, int], int]


def written(keys: Iterable[bytes | None], place: Place, lanes: int = 8, headers: Headers = ()) -> list[Record]:
    return [
        Record(place(key or b"", lanes), offset, 0, key, b"%d" % offset, headers) for offset, key in enumerate(keys)
    ]


def test_where_other_clients_put_a_key() -> None:
    # librdkafka's own test of its consistent partitioner, and the FNV-1a vectors of its authors.
    assert crc32_partition(b"123456789", 1 << 32) == 0xCBF43926
    assert fnv1a_partition(b"foobar", 1 << 32) == (1 << 32) - 0xBF9CF968
    assert fnv1a_partition(b"", 1 << 32) == (1 << 32) - 0x811C9DC5
    assert all(0 <= fnv1a_partition(key, 7) < 7 for key in KEYS)


def test_nothing_is_wrong_with_murmur2() -> None:
    assert placement(written(KEYS, partition_for), 8) == Placement(200, 0, 0, None, 0)
    assert placement([], 8) == Placement(0, 0, 0, None, 0)


@pytest.mark.parametrize("partitioner", PARTITIONERS, ids=lambda one: one.name)
@pytest.mark.parametrize("lanes", [2, 4, 8, 32])
def test_a_known_partitioner_is_named(partitioner: object, lanes: int) -> None:
    one = next(known for known in PARTITIONERS if known is partitioner)
    right, wrong = KEYS[:100], KEYS[100:]
    found = placement([*written(right, partition_for, lanes), *written(wrong, one.place, lanes)], lanes)
    astray = sum(one.place(key, lanes) != partition_for(key, lanes) for key in wrong)
    assert (found.records, found.misplaced, found.explained) == (200, astray, astray)
    assert found.partitioner is one


def test_others_are_not_guessed_at() -> None:
    found = placement(written(KEYS, lambda key, lanes: sum(key) % lanes), 8)
    assert found.misplaced > 100 and found.partitioner is None
    key = next(key for key in KEYS if crc32_partition(key, 2) != partition_for(key, 2))
    alone = placement(written([key], crc32_partition, 2), 2)
    assert (alone.misplaced, alone.partitioner) == (1, None), "one of two partitions may be chance"


def test_records_without_a_key_are_counted_apart() -> None:
    found = placement(written([None, b"", None], lambda key, lanes: 1), 8)
    assert (found.records, found.keyless, found.misplaced) == (3, 3, 0)


def carried(keys: Iterable[bytes], place: Place, lanes: int = 8) -> list[Record]:
    """Return rerouted records of another partitioner."""
    return [
        Record(
            partition_for(record.key or b"", lanes),
            1_000 + record.offset,
            0,
            record.key,
            record.value,
            [(REROUTED_HEADER, b"%d" % record.partition)],
        )
        for record in written(keys, place, lanes)
        if partition_for(record.key or b"", lanes) != record.partition
    ]


def test_what_was_carried_on_says_where_it_came_from() -> None:
    copies = carried(KEYS, crc32_partition)
    found = placement(copies, 8)
    assert (found.records, found.misplaced, found.explained) == (len(copies), len(copies), len(copies))
    assert found.partitioner is not None and found.partitioner.name == "CRC32"
    assert placement([*written(KEYS, crc32_partition), *copies], 8).records == len(KEYS), "each counted once"


def test_the_travels_of_merged_customers_are_nobodys_mistake() -> None:
    merged = carried(KEYS, lambda key, lanes: sum(key) % lanes)
    assert placement([*written(KEYS, partition_for), *merged], 8) == Placement(200, 0, 0, None, 0)


def test_control_records_do_not_count() -> None:
    assert placement(written([None], lambda key, lanes: 0, headers=[(CONTROL_HEADER, b"1")]), 8).records == 0
