"""The order book of one customer: refunds and cancellations are booked at their order's own time.

The result does not depend on the order of arrival inside the window (the 64 latest orders by time, and 64 reversals
that wait for their order): the book is a set, and its bookings are a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

REMEMBERED = 64
_ALL = 1 << 62


class Booking(msgspec.Struct, frozen=True):
    """Amounts to add to a customer's statistics at one instant.

    ``money`` and the amounts in ``categories`` are minor units; ``orders`` is +1, 0 or -1.
    """

    at: int
    money: int
    items: int
    orders: int
    discounted: int
    categories: tuple[tuple[str, int], ...]


class Order(msgspec.Struct, array_like=True):
    """A remembered order. ``name`` is the digest of its id; ``taken_*`` are the reversed amounts."""

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
        """Whether the order still counts: neither cancelled nor refunded in full."""
        return not self.cancelled and (self.money <= 0 or self.taken_money < self.money)

    def booking(self) -> Booking:
        """Return the booking this order amounts to now, net of reversals."""
        if not self.live:
            return Booking(self.at, 0, 0, 0, 0, ())
        left = self.money - self.taken_money
        categories = self.categories
        if self.taken_money and self.money > 0:
            categories = tuple((name, amount * left // self.money) for name, amount in categories)
        return Booking(self.at, left, max(0, self.items - self.taken_items), 1, self.discounted, categories)


class Reversal(msgspec.Struct, array_like=True):
    """A refund or cancellation. ``money`` is None if it reverses the whole order.

    ``refund`` is the digest of the refund's own id: a later ``version`` (ms) replaces an earlier one.
    """

    at: int
    name: bytes
    money: int | None
    items: int
    refund: bytes = b""
    version: int = -1

    def rank(self) -> tuple[int, int, int]:
        """Sort key; the larger rank wins: the later version, and at one instant the larger reversal."""
        money = _ALL if self.money is None else self.money
        return (self.at if self.version < 0 else self.version, money, self.items)


class Version(msgspec.Struct, array_like=True):
    """The known version (ms) of an order that was corrected, or whose version differs from its own time."""

    name: bytes
    version: int


class OrderBook(msgspec.Struct, array_like=True):
    """Remembered orders by time, oldest first, and a few facts about forgotten ones.

    ``waiting`` holds reversals of unknown orders; ``refunds`` holds reversals of known orders that have their own id,
    so that a later version can replace them.
    """

    orders: list[Order]
    waiting: list[Reversal]
    older_first: int | None = None
    older_last: int | None = None
    refunds: list[Reversal] = []
    versions: list[Version] = []

    def knows(self, name: bytes) -> bool:
        return self.find(name) is not None

    def find(self, name: bytes) -> Order | None:
        """Return the remembered order with this name, or None."""
        for order in self.orders:
            if order.name == name:
                return order
        return None

    @property
    def has_forgotten(self) -> bool:
        """Whether the book has dropped orders because it was full."""
        return self.older_first is not None or len(self.orders) >= REMEMBERED

    def is_news(self, new: Order, version: int) -> bool:
        """Return whether this version of an order carries content the book does not have."""
        known = self.find(new.name)
        return known is None or new.at < known.at or self._is_later(known, new, version)

    def was_corrected(self, name: bytes) -> bool:
        """Return whether the known version of an order is a correction."""
        return any(one.name == name for one in self.versions)

    def correct(self, new: Order, version: int, is_update: bool) -> list[Booking]:
        """Replace the content of a remembered order if the version is later; return the bookings.

        The order's own time is the earliest of all versions, so the result does not depend on the order of arrival.
        """
        known = self.find(new.name)
        assert known is not None
        before = known.booking()
        later = self._is_later(known, new, version)
        held = version if later else self._version_of(known)
        if later:
            known.money, known.items = new.money, new.items
            known.discounted, known.categories = new.discounted, new.categories
        if new.at < known.at:
            known.at = new.at
            self.orders.sort(key=lambda order: (order.at, order.name))
        marked = is_update or self.was_corrected(known.name)
        self.versions = [one for one in self.versions if one.name != known.name]
        if marked or held != known.at:
            self.versions.append(Version(known.name, held))
        return [_negative(before), known.booking()]

    def _version_of(self, order: Order) -> int:
        return next((one.version for one in self.versions if one.name == order.name), order.at)

    def _is_later(self, known: Order, new: Order, version: int) -> bool:
        return (version, _content(new)) > (self._version_of(known), _content(known))

    def add(self, order: Order) -> list[Booking]:
        """Remember an order; return the bookings, including those of reversals that waited for it.

        A waiting reversal was booked as negative money at its own time; that booking is undone.
        """
        bookings = []
        for reversal in [waiting for waiting in self.waiting if waiting.name == order.name]:
            self.waiting.remove(reversal)
            bookings.append(_back(reversal))
            _take(order, reversal)
            self._keep(reversal)
        at = len(self.orders)
        while at and (self.orders[at - 1].at, self.orders[at - 1].name) > (order.at, order.name):
            at -= 1
        self.orders.insert(at, order)
        if len(self.orders) > REMEMBERED:
            self._forget(self.orders.pop(0))
        bookings.append(order.booking())
        return bookings

    def earlier_notice(self, reversal: Reversal) -> Reversal | None:
        """Return the known reversal for the same refund of the same order, or None."""
        if not reversal.refund:
            return None
        for known in (*self.refunds, *self.waiting):
            if known.refund == reversal.refund and known.name == reversal.name:
                return known
        return None

    def reverse(self, reversal: Reversal) -> list[Booking]:
        """Subtract the reversal from its order, or book negative money until the order arrives.

        A second event for the same refund replaces the first, unless the first is newer.
        """
        known = self.earlier_notice(reversal)
        if known is not None and known.rank() >= reversal.rank():
            return []
        order = self.find(reversal.name)
        if order is not None:
            before = order.booking()
            if known is not None:
                self.refunds.remove(known)
                self._give_back(order, known)
            _take(order, reversal)
            self._keep(reversal)
            return [_negative(before), order.booking()]
        bookings = []
        if known is not None:
            self.waiting.remove(known)
            bookings.append(_back(known))
        self._wait(reversal)
        return [*bookings, unnamed(reversal)]

    def _wait(self, *reversals: Reversal) -> None:
        self.waiting += reversals
        self.waiting.sort(key=lambda waiting: (waiting.at, waiting.name, waiting.refund))
        del self.waiting[:-REMEMBERED]

    def _keep(self, *reversals: Reversal) -> None:
        """Remember refunds that may be replaced; the amounts of forgotten refunds stay subtracted."""
        self.refunds += [one for one in reversals if one.refund]
        self.refunds.sort(key=lambda one: (one.at, one.name, one.refund))
        del self.refunds[:-REMEMBERED]

    def _give_back(self, order: Order, reversal: Reversal) -> None:
        if reversal.money is None:
            order.cancelled = any(one.money is None and one.name == order.name for one in self.refunds)
        else:
            order.taken_money -= reversal.money
            order.taken_items -= reversal.items

    def absorb(self, other: OrderBook) -> list[Booking]:
        """Merge another book whose bookings were already added; return the corrections to book.

        An order that both books hold counts once, with the reversals of both. Reversals waiting in one book are
        applied to orders of the other.
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
        bookings += self._absorb_refunds(other.refunds, mine)
        self.versions += [one for one in other.versions if all(one.name != known.name for known in self.versions)]
        for reversal in (*self.waiting, *other.waiting):
            if reversal in self.waiting:
                self.waiting.remove(reversal)
            bookings.append(_back(reversal))
            bookings += self.reverse(reversal)
        self.orders.sort(key=lambda order: (order.at, order.name))
        firsts = [at for at in (self.older_first, other.older_first) if at is not None]
        lasts = [at for at in (self.older_last, other.older_last) if at is not None]
        self.older_first, self.older_last = min(firsts, default=None), max(lasts, default=None)
        while len(self.orders) > REMEMBERED:
            self._forget(self.orders.pop(0))
        return bookings

    def _absorb_refunds(self, others: list[Reversal], orders: dict[bytes, Order]) -> list[Booking]:
        """Merge the refunds that another book applied to its orders; if both know a refund, the later version wins."""
        bookings: list[Booking] = []
        for refund in others:
            known = self.earlier_notice(refund)
            if known is None:
                self._keep(refund)
                continue
            order = orders[refund.name]
            gone, stays = sorted((known, refund), key=Reversal.rank)
            bookings.append(_negative(order.booking()))
            if known in self.refunds:
                self.refunds.remove(known)
                self._keep(stays)
                self._give_back(order, gone)
            else:
                # It waited here: undo its booking, and keep the amount the other book subtracted.
                self.waiting.remove(known)
                bookings.append(_back(known))
                self._keep(stays)
                if stays is known:
                    self._give_back(order, refund)
                    _take(order, known)
            bookings.append(order.booking())
        return bookings

    def span(self) -> tuple[int | None, int | None]:
        """Return the instants (ms) of the first and the last order that still count; None if there are none."""
        last = next((order.at for order in reversed(self.orders) if order.live), self.older_last)
        if self.older_first is not None:
            return self.older_first, last
        return next((order.at for order in self.orders if order.live), None), last

    def days(self, day_of: Callable[[int], int]) -> list[int]:
        """Return the distinct days with a remembered order that still counts, ascending."""
        return sorted({day_of(order.at) for order in self.orders if order.live})

    def _forget(self, order: Order) -> None:
        if self.refunds:
            self.refunds = [one for one in self.refunds if one.name != order.name]
        if self.versions:
            self.versions = [one for one in self.versions if one.name != order.name]
        if order.live:
            self.older_first = order.at if self.older_first is None else min(self.older_first, order.at)
            self.older_last = order.at if self.older_last is None else max(self.older_last, order.at)


def unnamed(reversal: Reversal) -> Booking:
    """Return the booking of a reversal whose order is unknown: negative money at its own time, and no order subtracted."""
    return Booking(reversal.at, -(reversal.money or 0), -reversal.items, 0, 0, ())


def total(bookings: Iterable[Booking]) -> int:
    """Return the total money of several bookings, in minor units."""
    return sum(booking.money for booking in bookings)


def _back(reversal: Reversal) -> Booking:
    """Return the booking that undoes `unnamed`."""
    return Booking(reversal.at, reversal.money or 0, reversal.items, 0, 0, ())


def _content(order: Order) -> tuple[int, int, int, tuple[tuple[str, int], ...]]:
    return order.money, order.items, order.discounted, tuple(order.categories)


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
