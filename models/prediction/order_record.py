"""`OrderRecord`: a summary of one customer's orders, from the remembered orders of a lane's state."""

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
"""Number of days before the last order-day that ``recent`` covers."""

_RECENT: Final = (1 << RECENT_DAYS) - 1
_pack: Final = msgspec.msgpack.Encoder().encode


class OrderRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A customer's order-days that still count, without orders cancelled or refunded in full.

    Attributes
    ----------
    first, last
        The first and the last order-day.
    days
        Number of order-days. Orders that the state no longer remembers count as one day each.
    fading
        Order-days decayed by HALF_LIVES, as of the last one; remembered orders only.
    recent
        Bit ``i`` is set if there was an order ``i`` days before the last.
    orders, spend
        Lifetime orders and money (minor units), net of reversals.
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
        """Decode the output of ``packed``. Raises InvariantViolation for anything else."""
        try:
            return msgspec.msgpack.decode(packed, type=cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise InvariantViolation(f"record of orders: cannot be read: {error}") from error

    @property
    def packed(self) -> bytes:
        """Encode the fields as MessagePack."""
        return _pack(self)

    def came(self, start: int, end: int) -> bool:
        """Return whether there was an order-day in [start, end); False for days before those that ``recent`` covers."""
        back = (self.last - day for day in range(start, end))
        return any(0 <= days < RECENT_DAYS and self.recent >> days & 1 for days in back)


def record_of(customer: Customer, grid: DayGrid, before: int | None = None) -> OrderRecord | None:
    """Return a customer's record, at the start of the day ``before`` if given; None without an order that counts."""
    statistics, book, day_of = customer.statistics, customer.book, grid.day_of
    if statistics.first_order is None:
        return None
    live, spend = [order for order in book.orders if order.live], statistics.spend
    older = 0 if book.older_first is None else max(0, statistics.orders - len(live))
    days = [day_of(order.at) for order in live]
    # They are ascending already unless a clock was set back over midnight.
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
    """Like `record_of`, computed from the record before the customer's ``new_orders`` were booked."""
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
    """Return the order-days plus the first and last forgotten order-days, which the book still knows; ascending."""
    return sorted([*days, *(day_of(at) for at in (book.older_first, book.older_last) if at is not None)])


def _faded(days: Sequence[int], last: int) -> tuple[int, tuple[float, float], int]:
    """Return the number, the decayed counts (HALF_LIVES) on ``last``, and the recent bits of ascending ``days``."""
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
    """Return the decay factors for this many days."""
    short, long = HALF_LIVES
    return 2.0 ** (-days / short), 2.0 ** (-days / long)


def side_by_side(records: Sequence[OrderRecord]) -> Records:
    """Stack the records of several customers into arrays."""
    return Records(
        np.array([one.first for one in records], dtype=np.float64),
        np.array([one.last for one in records], dtype=np.float64),
        np.array([one.days for one in records], dtype=np.float64),
        np.array([one.fading for one in records], dtype=np.float64).reshape(len(records), 2).T.copy(),
        np.array([one.spend for one in records], dtype=np.float64),
    )
