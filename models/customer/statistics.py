"""Folding what happened into a customer's statistics: additions only, so order of arrival does not matter."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2

from models.customer.customer import Customer
from models.customer.decay import ERA, HALF_ERA, LANDMARK, carried, era_of
from models.customer.orders import Booking

MAX_CATEGORIES = 20
REST = "~rest"
"""Takes what no longer fits; sorts after every category name people use."""

_ROUNDED = 1e-12
"""What is left of an amount that was taken back, as a share of it, is rounding."""


def plus(total: float, amount: float) -> float:
    """The sum, and nothing where ``amount`` takes back all there was: what rounding leaves depends on the order."""
    found = total + amount
    return 0.0 if abs(found) <= _ROUNDED * abs(amount) else found


def weigh(customer: Customer, at: int, half_life: float) -> float:
    """What one unit at ``at`` adds to the decayed sums of a customer, who enters a later era where it is of one."""
    exponent = (at - LANDMARK) / half_life - ERA * customer.era
    if not -HALF_ERA <= exponent < HALF_ERA:
        era = era_of(at, half_life)
        if era > customer.era:
            enter_era(customer, era)
        elif not _holds_sums(customer):
            customer.era = era
        exponent = (at - LANDMARK) / half_life - ERA * customer.era
    return exp2(exponent)


def enter_era(customer: Customer, era: int) -> None:
    """Bring all decayed sums of a customer to a later era."""
    factor = carried(era - customer.era)
    customer.era = era
    customer.spend_weight *= factor
    customer.order_weight *= factor
    for entry in customer.categories.values():
        entry[0] *= factor
        entry[1] *= factor
    if customer.profile is not None:
        customer.profile.fade(factor)
        customer.profile_dirty = True


def common_era(customer: Customer, era: int) -> float:
    """Bring a customer to the later of two eras; gives what sums of the other one are multiplied by to stand there."""
    if era > customer.era:
        enter_era(customer, era)
    elif era < customer.era and not _holds_sums(customer):
        customer.era = era
    return carried(customer.era - era)


def _holds_sums(customer: Customer) -> bool:
    return bool(
        customer.spend_weight
        or customer.order_weight
        or customer.categories
        or (customer.profile is not None and customer.profile.has_sums)
    )


def book(customer: Customer, bookings: Iterable[Booking], half_life: float) -> None:
    """Add bookings (orders, and reversals as negative amounts) at their own instants.

    ``half_life`` is in ms. Also renews ``first_order`` and ``last_order`` from the order book.
    """
    for booking in bookings:
        faded = weigh(customer, booking.at, half_life)
        customer.orders += booking.orders
        customer.spend += booking.money
        customer.items += booking.items
        customer.discounted += booking.discounted
        customer.spend_weight = plus(customer.spend_weight, booking.money * faded)
        customer.order_weight = plus(customer.order_weight, booking.orders * faded)
        for category, money in booking.categories:
            add_category(customer, category, money * faded, 0.0)
    customer.first_order, customer.last_order = customer.book.span()
    customer.book_dirty = True


def interact(customer: Customer, kind: int, category: str | None, at: int, half_life: float) -> None:
    """Count one interaction of a kind (index into ``INTERACTIONS``) at ``at``."""
    customer.interactions[kind] += 1
    if category is not None:
        add_category(customer, category, 0.0, weigh(customer, at, half_life))


def add_category(customer: Customer, category: str, money: float, interactions: float) -> None:
    """Add forward-decayed amounts to a category; beyond 20 categories the smallest joins the rest.

    A category with nothing in it is not held: else an order whose cancellation came after it would leave a trace, and
    one whose cancellation came before would not.
    """
    categories = customer.categories
    entry = categories.get(category)
    if entry is not None:
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
