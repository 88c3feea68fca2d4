"""Test orders over time from customers' order books, and their charts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.customer import Customer, Membership
from models.customer.orders import Order
from models.features.time import DAY_MS, DayGrid
from models.messages import messages
from streamer.queries.sales import Sales, Span, month_text, week_of
from streamer.queries.sales_charts import retention, week_against_last, weekly_money


def at(text: str) -> int:
    """Return an instant (ms) at noon."""
    return int(datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=UTC).timestamp() * 1000)


def day(text: str) -> int:
    return at(text) // DAY_MS


def buyer(id: str, segment: str, *orders: tuple[str, int], cancelled: tuple[str, ...] = ()) -> Customer:
    made = Customer(id, (0, 0), at(orders[0][0]))
    made.book.orders = [
        Order(at(when), f"{id}{number}".encode(), money, 1, 0, (), 0, 0, when in cancelled)
        for number, (when, money) in enumerate(orders)
    ]
    made.statistics.first_order = min(order.at for order in made.book.orders if order.live)
    made.segments["lifecycle"] = Membership(segment, 0)
    return made


def counted(*people: Customer) -> Sales:
    sales = Sales(DayGrid())
    assert list(sales.counting(people)) == list(people)
    return sales


PEOPLE = (
    buyer("a", "loyal", ("2026-01-05", 1000), ("2026-02-10", 500), ("2026-03-10", 700)),
    buyer("b", "loyal", ("2026-01-20", 2000)),
    buyer("c", "new", ("2026-03-09", 300), ("2026-03-11", 900), cancelled=("2026-03-11",)),
    buyer("d", "new", ("2026-03-02", 100)),
)


def test_who_came_back_by_month_of_the_first_order() -> None:
    found = counted(*PEOPLE).cohorts(day("2026-03-11"))
    assert [(month_text(one.month), one.customers, one.ordered) for one in found] == [
        ("2026-01", 2, [2, 1, 1]),
        ("2026-03", 2, [2]),
    ]


def test_this_week_is_compared_with_the_same_days_of_the_last() -> None:
    sales = counted(*PEOPLE)
    # 11 March 2026 is a Wednesday; a cancelled order is not an order.
    now, then = sales.week_against_last(day("2026-03-11"))
    assert now == Span(day("2026-03-09"), day("2026-03-11"), 2, 1000, 1)
    assert then == Span(day("2026-03-02"), day("2026-03-04"), 1, 100, 1)
    lines = week_against_last(sales, day("2026-03-11"), "EUR", messages())
    assert [(one.now, one.then, one.share) for one in lines][:2] == [("2", "1", 1.0), ("10\xa0EUR", "1\xa0EUR", 9.0)]


def test_money_by_week_is_that_of_those_who_are_there_now() -> None:
    sales, today = counted(*PEOPLE), day("2026-03-11")
    assert sales.weekly("lifecycle", "new", today, 2) == [100, 300]
    assert sum(sales.weekly("lifecycle", "loyal", today)) == 4200
    assert sales.weeks_known(today) == 10 and Sales(DayGrid()).weeks_known(today) == 1
    assert sales.weeks(today, 2) == [day("2026-03-02"), day("2026-03-09")]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(18_000, 19_000), st.integers(0, 10**6)), min_size=1, max_size=60)
)
def test_every_sum_is_that_of_the_orders(drawn: list[tuple[int, int, int]]) -> None:
    people: dict[int, Customer] = {}
    for who, when, money in drawn:
        made = people.setdefault(who, Customer(str(who), (0, 0), 0))
        made.book.orders.append(Order(when * DAY_MS, b"", money, 1, 0, ()))
        made.segments["value"] = Membership("low", 0)
        made.statistics.first_order = min(order.at for order in made.book.orders)
    sales, today = counted(*people.values()), 19_000
    whole = sales.span(0, today)
    assert (whole.orders, whole.money, whole.new) == (len(drawn), sum(one[2] for one in drawn), len(people))
    assert sum(sales.weekly("value", "low", today, week_of(today) + 1)) == whole.money
    found = sales.cohorts(today, 60)
    assert sum(one.customers for one in found) == len(people)
    assert all(one.ordered[0] == one.customers >= max(one.ordered) for one in found)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_charts_say_the_figures(language: str) -> None:
    texts, sales, today = messages("zh" if language == "zh" else "en"), counted(*PEOPLE), day("2026-03-11")
    again = retention(sales, today, texts)
    money = weekly_money(sales, "lifecycle", [("loyal", "<Loyal>", 3)], today, "EUR", texts, lambda n: f"{n:,.0f}")
    assert again is not None and money is not None
    assert "50\xa0%" in again.html() and "2026-01" in again.html() and "&lt;Loyal&gt;" in money.html()
    nobody = Sales(DayGrid())
    assert retention(nobody, today, texts) is None
    assert weekly_money(nobody, "lifecycle", [("loyal", "x", 3)], today, "EUR", texts, str) is None
