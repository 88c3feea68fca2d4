"""The latest orders of one customer, so that a refund or cancellation is taken back at the order's own time.

Everything here is independent of the order of arrival inside the window (the 64 latest orders by time, and
64 reversals that wait for their order): what is remembered is a set, and what it books is a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

REMEMBERED = 64


class Booking(msgspec.Struct, frozen=True):
    """One amount to add to a customer's statistics at an instant.

    ``money`` and the amounts in ``categories`` are minor units; ``orders`` is +1, 0 or -1.
    """

    at: int
    money: int
    items: int
    orders: int
    discounted: int
    categories: tuple[tuple[str, int], ...]


class Order(msgspec.Struct, array_like=True):
    """A remembered order. ``name`` is the digest of its id; ``taken_*`` is what reversals took back so far."""

    at: int
    name: bytes
    money: int
    items: int
    discounted: int
    categories: tuple[tuple[str, int], ...]
    taken_money: int = 0
    taken_items: int = 0
    cancelled: bool = False

    @property
    def live(self) -> bool:
        """Whether it still counts as an order: not cancelled and not refunded in full."""
        return not self.cancelled and (self.money <= 0 or self.taken_money < self.money)

    def booking(self) -> Booking:
        """What this order stands for now, with all that was taken back."""
        if not self.live:
            return Booking(self.at, 0, 0, 0, 0, ())
        left = self.money - self.taken_money
        categories = self.categories
        if self.taken_money and self.money > 0:
            categories = tuple((name, amount * left // self.money) for name, amount in categories)
        return Booking(self.at, left, max(0, self.items - self.taken_items), 1, self.discounted, categories)


class Reversal(msgspec.Struct, array_like=True):
    """A reversal whose order is not known (yet). ``money`` is None where all of the order is taken back."""

    at: int
    name: bytes
    money: int | None
    items: int


class OrderBook(msgspec.Struct, array_like=True):
    """Orders remembered by time, oldest first, and what is known of those no longer remembered."""

    orders: list[Order]
    waiting: list[Reversal]
    older_first: int | None = None
    older_last: int | None = None

    def knows(self, name: bytes) -> bool:
        for order in self.orders:  # noqa: SIM110 - runs for every order; a generator would take twice as long
            if order.name == name:
                return True
        return False

    def add(self, order: Order) -> list[Booking]:
        """Remember an order; gives what to book, waiting reversals of it included.

        A reversal that waited was booked as negative money at its own time: that is booked back.
        """
        bookings = []
        for reversal in [waiting for waiting in self.waiting if waiting.name == order.name]:
            self.waiting.remove(reversal)
            bookings.append(Booking(reversal.at, reversal.money or 0, reversal.items, 0, 0, ()))
            _take(order, reversal)
        at = len(self.orders)
        while at and (self.orders[at - 1].at, self.orders[at - 1].name) > (order.at, order.name):
            at -= 1
        self.orders.insert(at, order)
        if len(self.orders) > REMEMBERED:
            self._forget(self.orders.pop(0))
        bookings.append(order.booking())
        return bookings

    def reverse(self, reversal: Reversal) -> list[Booking]:
        """Take back what the named order still stands for, or wait for it with negative money."""
        for order in self.orders:
            if order.name == reversal.name:
                before = order.booking()
                _take(order, reversal)
                return [_negative(before), order.booking()]
        self.waiting.append(reversal)
        self.waiting.sort(key=lambda waiting: (waiting.at, waiting.name))
        del self.waiting[:-REMEMBERED]
        return [unnamed(reversal)]

    def absorb(self, other: OrderBook) -> list[Booking]:
        """Take in another book, whose bookings were added already; gives what to book besides.

        An order that both know counts once, with what was taken back of either; reversals that waited in one book for
        an order of the other find it.
        """
        bookings: list[Booking] = []
        mine = {order.name: order for order in self.orders}
        for order in other.orders:
            known = mine.get(order.name)
            if known is None:
                mine[order.name] = order
                self.orders.append(order)
                continue
            bookings += [_negative(order.booking()), _negative(known.booking())]
            known.taken_money += order.taken_money
            known.taken_items += order.taken_items
            known.cancelled |= order.cancelled
            bookings.append(known.booking())
        self.waiting += other.waiting
        for reversal in [waiting for waiting in self.waiting if waiting.name in mine]:
            self.waiting.remove(reversal)
            order = mine[reversal.name]
            bookings += [
                Booking(reversal.at, reversal.money or 0, reversal.items, 0, 0, ()),
                _negative(order.booking()),
            ]
            _take(order, reversal)
            bookings.append(order.booking())
        self.waiting.sort(key=lambda waiting: (waiting.at, waiting.name))
        del self.waiting[:-REMEMBERED]
        self.orders.sort(key=lambda order: (order.at, order.name))
        firsts = [at for at in (self.older_first, other.older_first) if at is not None]
        lasts = [at for at in (self.older_last, other.older_last) if at is not None]
        self.older_first, self.older_last = min(firsts, default=None), max(lasts, default=None)
        while len(self.orders) > REMEMBERED:
            self._forget(self.orders.pop(0))
        return bookings

    def span(self) -> tuple[int | None, int | None]:
        """Instants of the first and the last order that still count; None where there is none."""
        last = next((order.at for order in reversed(self.orders) if order.live), self.older_last)
        if self.older_first is not None:
            return self.older_first, last
        return next((order.at for order in self.orders if order.live), None), last

    def days(self, day_of: Callable[[int], int]) -> list[int]:
        """Days with a remembered order that still counts, ascending, each once."""
        return sorted({day_of(order.at) for order in self.orders if order.live})

    def _forget(self, order: Order) -> None:
        if order.live:
            self.older_first = order.at if self.older_first is None else min(self.older_first, order.at)
            self.older_last = order.at if self.older_last is None else max(self.older_last, order.at)


def unnamed(reversal: Reversal) -> Booking:
    """A reversal of no known order: negative money at its own time, no order taken back."""
    return Booking(reversal.at, -(reversal.money or 0), -reversal.items, 0, 0, ())


def total(bookings: Iterable[Booking]) -> int:
    """Money of several bookings together, in minor units."""
    return sum(booking.money for booking in bookings)


def _take(order: Order, reversal: Reversal) -> None:
    if reversal.money is None:
        order.cancelled = True
    else:
        order.taken_money = order.taken_money + reversal.money
        order.taken_items = order.taken_items + reversal.items


def _negative(booking: Booking) -> Booking:
    return Booking(
        booking.at,
        -booking.money,
        -booking.items,
        -booking.orders,
        -booking.discounted,
        tuple((name, -amount) for name, amount in booking.categories),
    )
