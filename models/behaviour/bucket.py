"""Today's bucket: one customer's events of the day that is still open.

A plain list, because the hot path touches single numbers and accessing a NumPy element costs ten times as much as a
list element. Category counts are whole numbers, also when packed. The daily step folds the bucket into the memory and
drops it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from math import log
from typing import Final
from zlib import crc32

import numpy as np

from models.behaviour.layout import CATEGORIES, CATEGORY, FloatArray

# Positions in the list. Orders and money are net of today's reversals.
B_ORDERS: Final = 0
B_MONEY: Final = 1
B_LOGS: Final = 2  # sum of the logs of order values
B_DISCOUNTED: Final = 3
B_INTERACTIONS: Final = 4
B_OWN: Final = 5  # 1 if one of the customer's own events arrived
B_CATEGORY: Final = 6
B_WIDTH: Final = B_CATEGORY + CATEGORIES

_PACKED: Final = struct.Struct(f"<{B_CATEGORY}d{CATEGORIES}i")
PACKED_BYTES: Final = _PACKED.size

_FRESH: Final = (*[0.0] * B_CATEGORY, *[0] * CATEGORIES)

_MOST_NAMES = 4096
_slots: dict[str, int] = {}


def fresh() -> list[float]:
    """Return an empty bucket."""
    return [*_FRESH]


def of_numbers(values: Sequence[float]) -> list[float]:
    """Return a bucket from any B_WIDTH numbers, such as a row of an array."""
    return [*values[:B_CATEGORY], *map(int, values[B_CATEGORY:])]


def pack(bucket: list[float]) -> bytes:
    """Encode the bucket without loss: a float64 represents integers below 2**53 exactly."""
    return _PACKED.pack(*bucket)


def unpack(data: bytes, offset: int) -> list[float]:
    """Decode a bucket from the output of ``pack``."""
    return list(_PACKED.unpack_from(data, offset))


def side_by_side(buckets: Iterable[list[float]]) -> FloatArray:
    """Stack buckets as the rows of an array of shape (n, B_WIDTH); twice as fast as NumPy's conversion of nested lists."""
    numbers = array("d")
    for bucket in buckets:
        numbers.fromlist(bucket)
    return np.frombuffer(numbers).reshape(-1, B_WIDTH)


def slot_of(category: str) -> int:
    """Return the category slot of a name. The hash is the same in every process and run."""
    slot = _slots.get(category)
    if slot is None:
        if len(_slots) >= _MOST_NAMES:
            _slots.clear()
        slot = _slots[category] = B_CATEGORY + crc32(category.encode()) % CATEGORIES
    return slot


def add_order(bucket: list[float], money: int, discounted: bool, categories: Sequence[tuple[str, int]]) -> None:
    """Add an order of ``money`` minor units, counting each category slot once."""
    bucket[0] += 1
    bucket[1] += money
    bucket[2] += log(money) if money > 1 else 0.0
    bucket[3] += discounted
    bucket[5] = 1
    if len(categories) == 1:
        bucket[slot_of(categories[0][0])] += 1
    elif categories:
        for slot in {slot_of(name) for name, _ in categories}:
            bucket[slot] += 1


def take_back(
    bucket: list[float], money: int, whole: bool, discounted: bool, categories: Sequence[tuple[str, int]]
) -> None:
    """Subtract a reversal: the whole order if ``whole``, otherwise only ``money`` (minor units)."""
    bucket[1] -= money
    if not whole:
        return
    bucket[0] -= 1
    bucket[2] -= log(money) if money > 1 else 0.0
    bucket[3] -= discounted
    for slot in {slot_of(name) for name, _ in categories}:
        bucket[slot] -= 1


def day_vectors(buckets: FloatArray) -> FloatArray:
    """Convert buckets (n, B_WIDTH) of a closed day to statistics without exposure, shape (VECTOR - 1, n).

    A day with any number of orders counts as one order-day. A day with more reversals than orders counts as minus one
    order-day, with the mean log value of the reversed orders.
    """
    raw = np.ascontiguousarray(buckets.T)
    orders = raw[B_ORDERS]
    sign = np.sign(orders)
    day = np.empty((CATEGORY - 1 + CATEGORIES, len(buckets)))
    day[0] = sign
    day[1] = raw[B_INTERACTIONS] > 0
    day[2] = raw[B_MONEY]
    day[3] = orders
    day[4] = np.where(sign == 0, 0.0, raw[B_LOGS] / np.maximum(np.abs(orders), 1.0))
    day[5] = raw[B_DISCOUNTED]
    day[6:] = raw[B_CATEGORY:]
    return day
