"""Statistics of one customer: sums only, so the order of arrival does not matter and a merge is an addition.

To add a statistic, add a field to `Statistics` with a default, a line in the method that counts it (`add` for each
booking, `renew` for values that follow from the order book), one in `merge`, and one in `fade` if it decays. Storage,
handover and reset follow from the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import msgspec

from models.customer.orders import Booking, OrderBook
from schemas.events import INTERACTIONS

INTERACTION_INDEX: Final[Mapping[str, int]] = {name: index for index, name in enumerate(INTERACTIONS)}
CHECKOUT = INTERACTION_INDEX["checkout.started"]

MAX_CATEGORIES = 20
REST = "~rest"
"""Collects the categories beyond the limit; sorts after every category name people use."""

_ROUNDED = 1e-12
"""A remainder below this share of the amount is rounding error."""


def plus(total: float, amount: float) -> float:
    """Return the sum, or 0.0 if ``amount`` cancels the total: rounding errors depend on the order of arrival."""
    found = total + amount
    return 0.0 if abs(found) <= _ROUNDED * abs(amount) else found


class Statistics(msgspec.Struct):
    """The statistics of one customer. Stored by position (``snapshot``), so append new fields, with a default.

    Attributes
    ----------
    orders, spend, items, discounted
        Lifetime order count, money (minor units), items, discounted orders; net of reversals.
    spend_weight, order_weight
        Forward-decayed money and orders (``models.customer.decay``).
    first_order, last_order
        Instants of the first and last order that still count, ms, or None; taken from the order book.
    interactions
        Lifetime counts by kind, in the order of ``schemas.events.INTERACTIONS``.
    categories
        Forward-decayed ``[money, interactions]`` per category, at most ``MAX_CATEGORIES`` and ``REST``.
    last_checkout
        Instant of the latest ``checkout.started``, ms; None without one.
    era
        The era (``models.customer.decay``) of all decayed sums of the customer, including those of the profile.
    """

    orders: int = 0
    spend: int = 0
    items: int = 0
    discounted: int = 0
    spend_weight: float = 0.0
    order_weight: float = 0.0
    first_order: int | None = None
    last_order: int | None = None
    interactions: list[int] = msgspec.field(default_factory=lambda: [0] * len(INTERACTIONS))
    categories: dict[str, list[float]] = {}
    era: int = 0
    last_checkout: int | None = None

    RENEWED: ClassVar = frozenset({"first_order", "last_order"})
    """Fields derived from the order book: a merge neither hands them over nor adds them."""
    ALWAYS: ClassVar = 10
    """Number of leading fields that every version has; later fields may be absent from stored or handed-over state."""

    # -- counting ---------------------------------------------------------------------------------------------

    def add(self, booking: Booking, weight: float) -> None:
        """Add a booking, negative for a reversal; ``weight`` is the decayed weight of one unit at its instant."""
        self.orders += booking.orders
        self.spend += booking.money
        self.items += booking.items
        self.discounted += booking.discounted
        self.spend_weight = plus(self.spend_weight, booking.money * weight)
        self.order_weight = plus(self.order_weight, booking.orders * weight)
        for category, money in booking.categories:
            self.add_category(category, money * weight, 0.0)

    def renew(self, book: OrderBook) -> None:
        """Refresh the fields derived from the order book; call after every change to the book."""
        self.first_order, self.last_order = book.span()

    def add_category(self, category: str, money: float, interactions: float) -> None:
        """Add forward-decayed amounts to a category; beyond 20 categories the smallest is merged into the rest.

        An empty category is removed: otherwise an order cancelled after it arrived would leave a trace, and one
        cancelled before it arrived would not.
        """
        categories = self.categories
        entry = categories.get(category)
        if entry is not None:
            if money:
                entry[0] = plus(entry[0], money)
            entry[1] += interactions
            if not entry[0] and not entry[1]:
                del categories[category]
            return
        if not money and not interactions:
            return
        categories[category] = [money, interactions]
        if len(categories) > MAX_CATEGORIES + (REST in categories):
            smallest = min(
                (name for name in categories if name != REST),
                key=lambda name: (categories[name][0], categories[name][1], name),
            )
            gone = categories.pop(smallest)
            rest = categories.setdefault(REST, [0.0, 0.0])
            rest[0] += gone[0]
            rest[1] += gone[1]

    def check_out(self, at: int) -> None:
        """Record a checkout started at ``at`` (ms); the latest instant wins, in any order of arrival."""
        if self.last_checkout is None or at > self.last_checkout:
            self.last_checkout = at

    def merge(self, other: Statistics) -> None:
        """Add the statistics of the customer's other id, in the same era; shared orders are corrected afterwards."""
        self.orders += other.orders
        self.spend += other.spend
        self.items += other.items
        self.discounted += other.discounted
        self.spend_weight = plus(self.spend_weight, other.spend_weight)
        self.order_weight = plus(self.order_weight, other.order_weight)
        self.interactions = [mine + more for mine, more in zip(self.interactions, other.interactions, strict=True)]
        for category, (money, interactions) in other.categories.items():
            self.add_category(category, money, interactions)
        if other.last_checkout is not None:
            self.check_out(other.last_checkout)

    # -- decay ------------------------------------------------------------------------------------------------

    @property
    def has_sums(self) -> bool:
        """Whether any decayed sum is held."""
        return bool(self.spend_weight or self.order_weight or self.categories)

    def fade(self, factor: float) -> None:
        """Multiply all decayed sums by a factor."""
        self.spend_weight *= factor
        self.order_weight *= factor
        for entry in self.categories.values():
            entry[0] *= factor
            entry[1] *= factor

    # -- stored and handed over -------------------------------------------------------------------------------

    def encode(self) -> tuple[Any, ...]:
        """Return the values of all fields, in order, without trailing empty fields that older versions lack."""
        values = msgspec.structs.astuple(self)
        size = len(values)
        while size > self.ALWAYS and not values[size - 1]:
            size -= 1
        return values[:size]

    @classmethod
    def decode(cls, values: Sequence[Any]) -> Self:
        """Decode the output of `encode`, also from a version with fewer fields or kinds of interactions."""
        return cls(*values)._filled_up()

    def handed_over(self) -> dict[str, Any]:
        """Return the fields that a merge adds, by name, omitting empty fields that older versions lack."""
        every = {*self.__struct_fields__[: self.ALWAYS]} - self.RENEWED
        values = msgspec.structs.asdict(self).items()
        return {name: value for name, value in values if name in every or (value and name not in self.RENEWED)}

    @classmethod
    def of(cls, handed_over: Any) -> Self:
        """Decode the output of `handed_over`, ignoring other fields. Raises ValueError for anything else."""
        missing = {*cls.__struct_fields__[: cls.ALWAYS]} - cls.RENEWED - {*handed_over}
        if missing:
            raise ValueError(f"statistics are missing: {', '.join(sorted(missing))}")
        return msgspec.convert(handed_over, cls)._filled_up()

    def _filled_up(self) -> Self:
        """Adjust ``interactions`` to exactly one count per kind; return self."""
        known = self.interactions[: len(INTERACTIONS)]
        self.interactions = known + [0] * (len(INTERACTIONS) - len(known))
        return self
