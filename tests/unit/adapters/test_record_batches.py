"""Test batches of both Kafka clients, opened with a limit: every codec, bombs, odd headers, damage of every kind."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import kafka.record.default_records as kafka_default
import kafka.record.memory_records as kafka_memory
import pytest
import wire_batches as wire
from aiokafka.record import default_records, memory_records
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import UnopenedBatch
from streamer.adapters.record_batches import LIMIT, Batches
from streamer.adapters.unpack import TooLarge, Unreadable, unpack

CLIENTS = {
    "aiokafka": (default_records.DefaultRecordBatch, memory_records.MemoryRecords),
    "kafka-python": (kafka_default.DefaultRecordBatch, kafka_memory.MemoryRecords),
}
SENT: list[wire.Sent] = [
    (b"ann", b'{"a": 1}', [(b"ce_type", b"order.completed"), (b"empty", None)]),
    (None, None, []),
    (b"", b"x" * 50_000, []),
]


@pytest.fixture(params=CLIENTS)
def reader(request: pytest.FixtureRequest) -> Callable[[bytes], list[Any]]:
    batch_type, older = CLIENTS[request.param]
    return lambda data: list(records(Batches(data, batch_type, older)))


@pytest.fixture
def small_limit() -> Iterator[int]:
    before, LIMIT.max_batch_bytes = LIMIT.max_batch_bytes, 2**20
    yield LIMIT.max_batch_bytes
    LIMIT.max_batch_bytes = before


def records(batches: Batches) -> Iterator[Any]:
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        yield from batch


def plain(record: Any) -> tuple[Any, ...]:
    return record.offset, record.timestamp, record.key, record.value, [(n, v or b"") for n, v in record.headers]


def sent_as_read(base: int) -> list[tuple[Any, ...]]:
    return [
        (base + n, 1_000 + n, key, value, [(name.decode(), header or b"") for name, header in headers])
        for n, (key, value, headers) in enumerate(SENT)
    ]


@pytest.mark.parametrize("name", wire.PACKED)
def test_every_codec_is_opened(reader: Callable[[bytes], list[Any]], name: str) -> None:
    codec, pack = wire.PACKED[name]
    one = wire.batch(pack(wire.body(SENT)), 3, codec=codec, base=40)
    two = wire.batch(wire.body(SENT), 3, base=43)
    found = reader(one + two + two[:-1])
    assert [plain(record) for record in found] == sent_as_read(40) + sent_as_read(43)


@pytest.mark.parametrize("name", wire.PACKED)
def test_a_header_name_that_is_not_utf8_is_left_out(reader: Callable[[bytes], list[Any]], name: str) -> None:
    codec, pack = wire.PACKED[name]
    odd: list[wire.Sent] = [
        (b"ann", b"1", [(b"kept", b"k")]),
        (b"bob", b"2", [(b"\xff\xfe", b"gone"), (b"kept", b"k")]),
        (b"eve", b"3", []),
    ]
    found = reader(wire.batch(pack(wire.body(odd)), 3, codec=codec, base=7))
    assert [(r.offset, r.key, r.value, list(r.headers)) for r in found] == [
        (7, b"ann", b"1", [("kept", b"k")]),
        (8, b"bob", b"2", [("kept", b"k")]),
        (9, b"eve", b"3", []),
    ]


@pytest.mark.parametrize("name", ["gzip", "snappy", "xerial", "lz4", "zstd"])
def test_a_batch_above_the_limit_becomes_one_record(
    reader: Callable[[bytes], list[Any]], small_limit: int, name: str
) -> None:
    codec, pack = wire.PACKED[name]
    bomb: list[wire.Sent] = [(b"ann", b"{}", []), (b"bob", b" " * small_limit, [])]
    good = wire.batch(wire.body(SENT), 3, base=52)
    found = reader(wire.batch(pack(wire.body(bomb)), 2, codec=codec, base=50) + good)
    value = found[0].value
    assert isinstance(value, UnopenedBatch) and value.oversize
    assert (value.first, value.last, value.records, value.codec) == (50, 51, 2, name.replace("xerial", "snappy"))
    assert found[0].offset == 51 and 0 < len(value) <= 1_000
    assert [plain(record) for record in found[1:]] == sent_as_read(52)


def test_the_limit_itself_is_allowed() -> None:
    data = b"x" * 100_000
    for codec, pack in wire.PACKED.values():
        if codec:
            assert unpack(codec, pack(data), 100_000) == data
            with pytest.raises(TooLarge):
                unpack(codec, pack(data), 99_999)


def test_a_bomb_costs_no_more_memory_than_the_limit() -> None:
    """256 MiB of zeros in 256 kB of gzip; 1 MiB is the limit."""
    import tracemalloc

    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unpack(wire.GZIP, bomb, 2**20)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["gzip", "snappy", "xerial", "lz4", "zstd"])
def test_what_nobody_can_open_is_named_with_its_codec(reader: Callable[[bytes], list[Any]], name: str) -> None:
    codec, pack = wire.PACKED[name]
    packed = pack(wire.body(SENT))
    for broken in (packed[:-3], b"\xff" * 40, b""):
        [record] = reader(wire.batch(broken, 3, codec=codec, base=5))
        assert isinstance(record.value, UnopenedBatch) and not record.value.oversize
        assert record.value.codec == name.replace("xerial", "snappy")
        assert (record.offset, record.value.first, record.value.last, record.value.records) == (7, 5, 7, 3)


def test_an_unknown_codec_is_named_by_its_number(reader: Callable[[bytes], list[Any]]) -> None:
    [record] = reader(wire.batch(wire.body(SENT), 3, codec=6))
    assert record.value.codec == "number 6"


def test_what_is_before_the_damage_is_read(reader: Callable[[bytes], list[Any]]) -> None:
    whole = wire.body(SENT)
    found = reader(wire.batch(whole[:-40_000], 3, base=5))
    assert [plain(record) for record in found[:2]] == sent_as_read(5)[:2]
    value = found[2].value
    assert isinstance(value, UnopenedBatch) and not value.oversize
    assert (value.first, value.last, value.records) == (7, 7, 1)


def test_a_wrong_checksum_is_damage(reader: Callable[[bytes], list[Any]]) -> None:
    data = bytearray(wire.batch(wire.body(SENT), 3))
    data[-1] ^= 1
    [record] = reader(bytes(data))
    assert isinstance(record.value, UnopenedBatch) and "checksum" in record.value.why


@settings(deadline=None)  # the machine is shared; only the result matters
@given(
    data=st.data(),
    name=st.sampled_from(sorted(wire.PACKED)),
    client=st.sampled_from(sorted(CLIENTS)),
    position=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_no_batch_raises(data: st.DataObject, name: str, client: str, position: int, byte: int) -> None:
    """Whatever bytes are where records should be: offsets rise, end with the batch's last, and nothing is raised."""
    codec, pack = wire.PACKED[name]
    sent: list[wire.Sent] = [(b"a", b"1" * 20, [(b"h", b"v")]), (None, b"2" * 20, [])]
    inner = bytearray(wire.body(sent))
    inner[position % len(inner)] = byte
    packed = bytearray(pack(bytes(inner)))
    if packed and data.draw(st.booleans()):
        packed[position % len(packed)] = data.draw(st.integers(0, 255))
    batch_type, older = CLIENTS[client]
    found = list(records(Batches(wire.batch(bytes(packed), 2, codec=codec, base=10), batch_type, older)))
    unopened = [record for record in found if isinstance(record.value, UnopenedBatch)]
    assert len(unopened) <= 1
    if unopened:
        assert found[-1] is unopened[0] and found[-1].offset == 11
        assert len(found) - 1 + unopened[0].value.records == 2
    else:
        assert len(found) == 2


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_garbage_is_unreadable_or_something(codec: int, data: bytes) -> None:
    with contextlib.suppress(Unreadable, TooLarge):
        assert len(unpack(codec, data, 4_096)) <= 4_096
