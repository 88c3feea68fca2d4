"""Compute orders over time: retention by month of first order, money by week and segment, weekly comparison. Pure.

The source is customers' own order books, net of reversals, each order at its own time. Nothing else is stored, and an
erased customer disappears from these figures too. A book has a customer's latest 64 orders. For the few customers with
more, older orders are missing here, but the month of the first order is always known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from models.customer.customer import Customer
from models.features.time import DayGrid

MONTHS: Final = 12
"""Number of months of first orders, and of months after each."""
WEEKS: Final = 26
_EPOCH: Final = date(1970, 1, 1)
_THURSDAY: Final = 3
"""Day 0 was a Thursday, and weeks begin on Monday."""


class Cohort(NamedTuple):
    """Customers by month of their first order.

    Attributes
    ----------
    month
        Months since year 0.
    customers
        Number of customers.
    ordered
        Number of those customers who ordered in that month, in the next, and so on up to the current month.
    """

    month: int
    customers: int
    ordered: list[int]


class Span(NamedTuple):
    """A range of days: orders, money in minor units, and customers with their first order."""

    first: int
    last: int
    orders: int
    money: int
    new: int


@dataclass
class Sales:
    """Orders of all customers, added one customer at a time."""

    grid: DayGrid
    first: Counter[int] = field(default_factory=Counter)
    active: Counter[tuple[int, int]] = field(default_factory=Counter)
    orders: Counter[int] = field(default_factory=Counter)
    money: Counter[int] = field(default_factory=Counter)
    new: Counter[int] = field(default_factory=Counter)
    by_segment: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def counting(self, customers: Iterable[Customer]) -> Iterator[Customer]:
        """Yield the customers, counting each."""
        for customer in customers:
            self.add(customer)
            yield customer

    def add(self, customer: Customer) -> None:
        """Count the orders of a customer."""
        begun = customer.statistics.first_order
        if begun is None:
            return
        day = self.grid.day_of(begun)
        month, months = month_of(day), {month_of(day)}
        self.first[month] += 1
        self.new[day] += 1
        weeks: Counter[int] = Counter()
        for order in customer.book.orders:
            if order.live:
                booking, day = order.booking(), self.grid.day_of(order.at)
                self.orders[day] += 1
                self.money[day] += booking.money
                weeks[week_of(day)] += booking.money
                months.add(month_of(day))
        for one in months:
            self.active[month, one - month] += 1
        for name, held in customer.segments.items():
            for week, money in weeks.items():
                self.by_segment[name, held.segment, week] += money

    def cohorts(self, today: int, most: int = MONTHS) -> list[Cohort]:
        """Return the latest months of first orders, oldest first, up to the month of ``today`` (a grid day)."""
        now = month_of(today)
        return [
            Cohort(
                month,
                self.first[month],
                [self.active[month, after] for after in range(min(now - month + 1, most + 1))],
            )
            for month in range(now - most + 1, now + 1)
            if self.first[month]
        ]

    def span(self, first: int, last: int) -> Span:
        """Return the orders from ``first`` to ``last``, inclusive."""
        days = range(first, last + 1)
        return Span(first, last, *(sum(one[day] for day in days) for one in (self.orders, self.money, self.new)))

    def week_against_last(self, today: int) -> tuple[Span, Span]:
        """Return this week up to ``today``, and the same days of the week before."""
        monday = monday_of(week_of(today))
        return self.span(monday, today), self.span(monday - 7, today - 7)

    def weekly(self, segmentation: str, segment: str, today: int, most: int = WEEKS) -> list[int]:
        """Return weekly money (minor units), up to the week of ``today``, of the customers currently in a segment."""
        last = week_of(today)
        return [self.by_segment[segmentation, segment, week] for week in range(last - most + 1, last + 1)]

    def weeks_known(self, today: int) -> int:
        """Return the number of weeks to show: `WEEKS`, or fewer for a new shop."""
        begun = min(self.orders, default=today)
        return max(1, min(WEEKS, week_of(today) - week_of(begun) + 1))

    def weeks(self, today: int, most: int = WEEKS) -> list[int]:
        """Return the first day of each week that `weekly` counts."""
        last = week_of(today)
        return [monday_of(week) for week in range(last - most + 1, last + 1)]

    def to_dict(self, today: int) -> dict[str, Any]:
        """Return JSON-safe values."""
        names = ("this_week", "last_week")
        return {
            "retention": [
                {"month": month_text(one.month), "customers": one.customers, "ordered": one.ordered}
                for one in self.cohorts(today)
            ],
            **{
                name: {
                    "from": day_text(one.first),
                    "to": day_text(one.last),
                    "orders": one.orders,
                    "revenue_minor": one.money,
                    "new_customers": one.new,
                }
                for name, one in zip(names, self.week_against_last(today), strict=True)
            },
        }


def month_of(day: int) -> int:
    """Return the month of a grid day, counted from year 0.

    >>> month_text(month_of(0)), month_text(month_of(31))
    ('1970-01', '1970-02')
    """
    found = _EPOCH + timedelta(days=day)
    return found.year * 12 + found.month - 1


def month_text(month: int) -> str:
    """Return a month as ``YYYY-MM``."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def week_of(day: int) -> int:
    """Return the week of a grid day, counted from the week of day 0. Weeks begin on Monday.

    >>> week_of(3), week_of(4), monday_of(week_of(10))
    (0, 1, 4)
    """
    return (day + _THURSDAY) // 7


def monday_of(week: int) -> int:
    """Return the first day of a week."""
    return week * 7 - _THURSDAY


def day_text(day: int) -> str:
    """Return a grid day as ``YYYY-MM-DD``."""
    return str(_EPOCH + timedelta(days=day))
