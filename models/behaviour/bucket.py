"""Today's bucket: what happened to one customer on the day that is still open.

A plain list, because the hot path touches single numbers and a NumPy element costs ten times a list
element. Categories are counted in whole numbers, as they are packed. The daily step folds it into the memory and drops it.
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

# Positions in the list. Orders and money are net of what was taken back today.
B_ORDERS: Final = 0
B_MONEY: Final = 1
B_LOGS: Final = 2  # sum of log order values
B_DISCOUNTED: Final = 3
B_INTERACTIONS: Final = 4
B_OWN: Final = 5  # 1 if an event of the customer's own arrived
B_CATEGORY: Final = 6
B_WIDTH: Final = B_CATEGORY + CATEGORIES

_PACKED: Final = struct.Struct(f"<{B_CATEGORY}d{CATEGORIES}i")
PACKED_BYTES: Final = _PACKED.size

_FRESH: Final = (*[0.0] * B_CATEGORY, *[0] * CATEGORIES)

_MOST_NAMES = 4096
_slots: dict[str, int] = {}


def fresh() -> list[float]:
    """The bucket of a day on which nothing happened yet."""
    return [*_FRESH]


def of_numbers(values: Sequence[float]) -> list[float]:
    """A bucket of any B_WIDTH numbers, such as a row of an array."""
    return [*values[:B_CATEGORY], *map(int, values[B_CATEGORY:])]


def pack(bucket: list[float]) -> bytes:
    """The bucket as bytes, exactly: an integer below 2**53 survives a float64."""
    return _PACKED.pack(*bucket)


def unpack(data: bytes, offset: int) -> list[float]:
    """The bucket that ``pack`` wrote."""
    return list(_PACKED.unpack_from(data, offset))


def side_by_side(buckets: Iterable[list[float]]) -> FloatArray:
    """Buckets as rows of an array, (n, B_WIDTH): twice as fast as NumPy reads lists of lists."""
    numbers = array("d")
    for bucket in buckets:
        numbers.fromlist(bucket)
    return np.frombuffer(numbers).reshape(-1, B_WIDTH)


def slot_of(category: str) -> int:
    """Category slot of a name, the same in every process and run."""
    slot = _slots.get(category)
    if slot is None:
        if len(_slots) >= _MOST_NAMES:
            _slots.clear()
        slot = _slots[category] = B_CATEGORY + crc32(category.encode()) % CATEGORIES
    return slot


def add_order(bucket: list[float], money: int, discounted: bool, categories: Sequence[tuple[str, int]]) -> None:
    """Add one order of ``money`` minor units; each category slot counts once an order."""
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
    """Subtract an order (``whole``) or only a part of its money."""
    bucket[1] -= money
    if not whole:
        return
    bucket[0] -= 1
    bucket[2] -= log(money) if money > 1 else 0.0
    bucket[3] -= discounted
    for slot in {slot_of(name) for name, _ in categories}:
        bucket[slot] -= 1


def day_vectors(buckets: FloatArray) -> FloatArray:
    """Buckets (n, B_WIDTH) of a closed day as statistics without the exposure, shape (VECTOR - 1, n).

    A day is an order-day once however many orders it holds, and a day on which more was taken back
    than ordered is minus one order-day, with the mean log value of what was taken back.
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
