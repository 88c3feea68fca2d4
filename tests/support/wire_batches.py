"""Build batches as Kafka clients put them on the wire, in every codec."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence

import cramjam
from aiokafka.record.util import calc_crc32c, encode_varint

Header = tuple[bytes, bytes | None]
Sent = tuple[bytes | None, bytes | None, Sequence[Header]]

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


def gzip(data: bytes) -> bytes:
    return zlib.compress(data, wbits=31)


def snappy(data: bytes) -> bytes:
    """Return one block, as librdkafka and franz-go write it."""
    return bytes(cramjam.snappy.compress_raw(data))


def xerial(data: bytes, block_bytes: int = 32_768) -> bytes:
    """Return blocks after a header, as Java writes them."""
    out = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    for at in range(0, len(data), block_bytes):
        block = snappy(data[at : at + block_bytes])
        out += struct.pack(">i", len(block)) + block
    return out


def lz4(data: bytes) -> bytes:
    return bytes(cramjam.lz4.compress(data))


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


PACKED: Mapping[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0, bytes),
    "gzip": (GZIP, gzip),
    "snappy": (SNAPPY, snappy),
    "xerial": (SNAPPY, xerial),
    "lz4": (LZ4, lz4),
    "zstd": (ZSTD, zstd),
}


def varint(value: int) -> bytes:
    out = bytearray()
    encode_varint(value, out.append)
    return bytes(out)


def text(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def body(sent: Sequence[Sent]) -> bytes:
    """Return the records of a batch, one after the other."""
    out = b""
    for number, (key, value, headers) in enumerate(sent):
        record = b"\0" + varint(number) + varint(number) + text(key) + text(value) + varint(len(headers))
        record += b"".join(text(name) + text(header) for name, header in headers)
        out += varint(len(record)) + record
    return out


def batch(packed: bytes, count: int, *, codec: int = 0, base: int = 0, attributes: int = 0) -> bytes:
    """Return a whole batch, in which record n has offset ``base + n`` and timestamp ``1000 + n``."""
    after = (
        struct.pack(">hiqqqhii", attributes | codec, count - 1, 1_000, 1_000 + count - 1, -1, -1, -1, count) + packed
    )
    checked = struct.pack(">ibI", 0, 2, calc_crc32c(after)) + after
    return struct.pack(">qi", base, len(checked)) + checked
