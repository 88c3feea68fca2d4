"""What is known of one customer's orders, from the remembered orders of a lane's state: `OrderRecord`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Self

import msgspec
import numpy as np

from models.customer.customer import Customer
from models.customer.orders import OrderBook
from models.features.time import DayGrid
from models.prediction.records import HALF_LIVES, Records
from schemas.errors import InvariantViolation

RECENT_DAYS: Final = 62
"""So many days back from the last order-day, ``recent`` says on which of them there was an order."""

_RECENT: Final = (1 << RECENT_DAYS) - 1
_pack: Final = msgspec.msgpack.Encoder().encode


class OrderRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer's order-days that still count: those of orders cancelled or refunded in full do not.

    Attributes
    ----------
    first, last
        Days of the first and the last of them.
    days
        How many there are. Orders that the state does not remember any more count as a day each.
    fading
        How many in memories of HALF_LIVES, on the last of them; of remembered orders only.
    recent
        Bit ``i`` is set if there was an order ``i`` days before the last.
    orders, spend
        Orders and money (minor units) over the lifetime, net of reversals.
    """

    first: int
    last: int
    days: int
    fading: tuple[float, float]
    recent: int
    orders: int
    spend: int

    @classmethod
    def read(cls, packed: bytes) -> Self:
        """The record that ``packed`` gave; raises InvariantViolation for anything else."""
        try:
            return msgspec.msgpack.decode(packed, type=cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise InvariantViolation(f"record of orders: cannot be read: {error}") from error

    @property
    def packed(self) -> bytes:
        """The values of the fields as MessagePack."""
        return _pack(self)

    def came(self, start: int, end: int) -> bool:
        """Whether there was an order-day in [start, end); of days long before the last nothing is known: False."""
        back = (self.last - day for day in range(start, end))
        return any(0 <= days < RECENT_DAYS and self.recent >> days & 1 for days in back)


def record_of(customer: Customer, grid: DayGrid, before: int | None = None) -> OrderRecord | None:
    """The record of a customer, as of the beginning of the day ``before`` if given; None without an order that counts."""
    statistics, book, day_of = customer.statistics, customer.book, grid.day_of
    if statistics.first_order is None:
        return None
    live, spend = [order for order in book.orders if order.live], statistics.spend
    older = 0 if book.older_first is None else max(0, statistics.orders - len(live))
    days = [day_of(order.at) for order in live]
    # In order, but where a clock is put back over midnight.
    days.sort()
    if before is not None:
        spend -= sum(order.money - order.taken_money for order in live if day_of(order.at) >= before)
        days = days[: bisect_left(days, before)]
    ends = _ends(book, days, day_of) if older else days
    if not ends:
        return None
    first, last = ends[0], ends[-1]
    distinct, fading, recent = _faded(days, last)
    return OrderRecord(first, last, distinct + older, fading, recent, len(days) + older, max(0, spend))


def grown(before: OrderRecord | None, customer: Customer, grid: DayGrid) -> OrderRecord | None:
    """What `record_of` gives, from the record before the customer's ``new_orders`` were booked."""
    if before is None or customer.book.older_first is not None:
        return record_of(customer, grid)
    last, days, (quick, slow), recent = before.last, before.days, before.fading, before.recent
    for at in customer.new_orders:
        day = grid.day_of(at)
        if day < last:
            return record_of(customer, grid)
        if day != last:
            short, long = _kept(day - last)
            quick, slow = quick * short + 1.0, slow * long + 1.0
            recent = (recent << (day - last) | 1) & _RECENT
            last, days = day, days + 1
    orders, spend = before.orders + len(customer.new_orders), max(0, customer.statistics.spend)
    return OrderRecord(before.first, last, days, (quick, slow), recent, orders, spend)


def _ends(book: OrderBook, days: Sequence[int], day_of: Callable[[int], int]) -> list[int]:
    """The order-days and, of those forgotten, the first and the last, which the book knows; ascending."""
    return sorted([*days, *(day_of(at) for at in (book.older_first, book.older_last) if at is not None)])


def _faded(days: Sequence[int], last: int) -> tuple[int, tuple[float, float], int]:
    """Of ascending days: how many there are, how many are left on ``last`` in memories of HALF_LIVES, and the bits of the
    recent ones.
    """
    if not days:
        return 0, (0.0, 0.0), 0
    at, distinct, quick, slow, recent = days[0], 1, 1.0, 1.0, 1
    for day in days:
        if day != at:
            short, long = _kept(day - at)
            quick, slow = quick * short + 1.0, slow * long + 1.0
            recent = (recent << (day - at) | 1) & _RECENT
            distinct += 1
            at = day
    if at != last:
        short, long = _kept(last - at)
        quick, slow, recent = quick * short, slow * long, recent << (last - at) & _RECENT
    return distinct, (quick, slow), recent


@cache
def _kept(days: int) -> tuple[float, float]:
    """What is left of one after so many days."""
    short, long = HALF_LIVES
    return 2.0 ** (-days / short), 2.0 ** (-days / long)


def side_by_side(records: Sequence[OrderRecord]) -> Records:
    """Records of several customers as arrays."""
    return Records(
        np.array([one.first for one in records], dtype=np.float64),
        np.array([one.last for one in records], dtype=np.float64),
        np.array([one.days for one in records], dtype=np.float64),
        np.array([one.fading for one in records], dtype=np.float64).reshape(len(records), 2).T.copy(),
    )
