"""A customer's lane by Kafka's default partitioner, as its Java client computes it."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF
# One Struct per number of 4-byte words; customer ids have at most 128 bytes.
_WORDS: Final = tuple(Struct(f"<{count}I") for count in range(33))


def murmur2(key: bytes) -> int:
    """Compute MurmurHash2 (32 bits, seed 0x9747b28c) of a key, as ``org.apache.kafka.common.utils.Utils.murmur2`` does.

    Returns the unsigned value; Java reads the same bits as a signed int.

    >>> murmur2(b"21")  # the Java test says -973932308
    3321034988
    """
    size = len(key)
    words, tail = size >> 2, size & 3
    h = _SEED ^ size
    unpack = _WORDS[words] if words < 33 else Struct(f"<{words}I")
    for k in unpack.unpack_from(key):
        k = k * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    if tail:
        h = (h ^ int.from_bytes(key[words << 2 :], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition of ``key`` among ``partitions`` (> 0): ``toPositive(murmur2(key)) % partitions``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def home_of(event: Any, lanes: int) -> int:
    """Return the lane of an event: its customer's, or, for a guest's order or refund, the lane of the order id.

    This spreads guests over the lanes, and brings all repeats of an order to the same lane.

    >>> from types import SimpleNamespace as Event
    >>> guests = [Event(partition_id=str, order_id=f"o{number}") for number in range(100)]
    >>> sorted({home_of(guest, 8) for guest in guests})
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    id = event.partition_id() or getattr(event, "order_id", None) or getattr(event, "refund_id", None) or ""
    return partition_for(id.encode(), lanes)
