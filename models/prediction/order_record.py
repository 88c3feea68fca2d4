"""What is known of one customer's orders, from the remembered orders of a lane's state: `OrderRecord`."""

from __future__ import annotations

from collections.abc import Sequence
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
    def read(cls, values: Sequence[object]) -> Self:
        """The record from the values of its fields; raises InvariantViolation for anything else."""
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise InvariantViolation(f"record of orders: cannot be read: {error}") from error

    def came(self, start: int, end: int) -> bool:
        """Whether there was an order-day in [start, end); of days long before the last nothing is known: False."""
        back = (self.last - day for day in range(start, end))
        return any(0 <= days < RECENT_DAYS and self.recent >> days & 1 for days in back)


def record_of(customer: Customer, grid: DayGrid, before: int | None = None) -> OrderRecord | None:
    """The record of a customer, as of the beginning of the day ``before`` if given; None without an order that counts."""
    statistics, book = customer.statistics, customer.book
    if statistics.first_order is None:
        return None
    live = [(grid.day_of(order.at), order.money - order.taken_money) for order in book.orders if order.live]
    older = max(0, statistics.orders - len(live))
    spend = statistics.spend
    counted = live if before is None else [one for one in live if one[0] < before]
    spend -= sum(money for _, money in live) - sum(money for _, money in counted)
    days = sorted({day for day, _ in counted})
    older = older if book.older_first is not None else 0
    span = _span(book, days, grid, forgotten=older > 0)
    if span is None:
        return None
    first, last = span
    fading = [_faded(days, first, last, half_life) for half_life in HALF_LIVES]
    return OrderRecord(
        first, last, len(days) + older, (fading[0], fading[1]), _bits(days, last), len(counted) + older, max(0, spend)
    )


def _span(book: OrderBook, days: Sequence[int], grid: DayGrid, *, forgotten: bool) -> tuple[int, int] | None:
    """First and last order-day of ascending remembered ones and, where there are any, of those forgotten."""
    ends = [days[0], days[-1]] if days else []
    if forgotten:
        ends += [grid.day_of(at) for at in (book.older_first, book.older_last) if at is not None]
    return (min(ends), max(ends)) if ends else None


def _bits(days: Sequence[int], last: int) -> int:
    return sum(1 << (last - day) for day in days if last - day < RECENT_DAYS)


def _faded(days: Sequence[int], first: int, last: int, half_life: float) -> float:
    """How many of the ascending days are left on ``last`` in a memory of that half-life."""
    held, at = 0.0, first
    for day in days:
        held = held * 2.0 ** ((at - day) / half_life) + 1.0
        at = day
    return held if at == last else held * 2.0 ** ((at - last) / half_life)


def side_by_side(records: Sequence[OrderRecord]) -> Records:
    """Records of several customers as arrays."""
    return Records(
        np.array([one.first for one in records], dtype=np.float64),
        np.array([one.last for one in records], dtype=np.float64),
        np.array([one.days for one in records], dtype=np.float64),
        np.array([one.fading for one in records], dtype=np.float64).reshape(len(records), 2).T.copy(),
    )
