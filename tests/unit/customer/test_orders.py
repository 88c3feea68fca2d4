from __future__ import annotations

from itertools import permutations

import pytest

from models.customer.orders import REMEMBERED, Booking, Order, OrderBook, Reversal, unnamed


def an_order(name: str, at: int = 100, money: int = 1_000, items: int = 3) -> Order:
    return Order(at, name.encode(), money, items, 1, (("tea", 600), ("cups", 400)))


def sums(bookings: list[Booking]) -> dict[tuple[int, str], int]:
    """Return everything booked, by instant and kind."""
    found: dict[tuple[int, str], int] = {}
    for booking in bookings:
        amounts = {
            "money": booking.money,
            "items": booking.items,
            "orders": booking.orders,
            "discounted": booking.discounted,
            **dict(booking.categories),
        }
        for kind, amount in amounts.items():
            found[booking.at, kind] = found.get((booking.at, kind), 0) + amount
    return {key: amount for key, amount in found.items() if amount}


def test_an_order_is_booked_at_its_own_time() -> None:
    book = OrderBook([], [])
    assert sums(book.add(an_order("a"))) == {
        (100, "money"): 1_000,
        (100, "items"): 3,
        (100, "orders"): 1,
        (100, "discounted"): 1,
        (100, "tea"): 600,
        (100, "cups"): 400,
    }
    assert book.knows(b"a") and not book.knows(b"b")
    assert book.span() == (100, 100)


def test_a_cancellation_takes_all_of_it_back_at_the_orders_time() -> None:
    book = OrderBook([], [])
    booked = book.add(an_order("a")) + book.reverse(Reversal(200, b"a", None, 0))
    assert sums(booked) == {}
    assert book.span() == (None, None)
    assert sums(book.reverse(Reversal(300, b"a", None, 0))) == {}, "a second one takes nothing more"


def test_a_partial_refund_takes_its_part_and_the_order_stays() -> None:
    book = OrderBook([], [])
    booked = book.add(an_order("a")) + book.reverse(Reversal(200, b"a", 250, 1))
    assert sums(booked) == {
        (100, "money"): 750,
        (100, "items"): 2,
        (100, "orders"): 1,
        (100, "discounted"): 1,
        (100, "tea"): 450,
        (100, "cups"): 300,
    }
    assert sums(booked + book.reverse(Reversal(300, b"a", 750, 2))) == {}, "refunded in full, it is no order any more"


def test_more_than_the_order_cannot_be_taken_back() -> None:
    book = OrderBook([], [])
    assert sums(book.add(an_order("a")) + book.reverse(Reversal(200, b"a", 5_000, 9))) == {}


def test_a_reversal_that_names_no_known_order_is_negative_money_at_its_own_time() -> None:
    book = OrderBook([], [])
    assert sums(book.reverse(Reversal(200, b"a", 250, 1))) == {(200, "money"): -250, (200, "items"): -1}
    assert sums([unnamed(Reversal(200, b"", 250, 1))]) == {(200, "money"): -250, (200, "items"): -1}
    assert book.span() == (None, None)


@pytest.mark.parametrize("money", [None, 250, 1_000, 3_000])
def test_when_the_named_order_arrives_later_the_reversal_is_rebooked_onto_it(money: int | None) -> None:
    after, before = OrderBook([], []), OrderBook([], [])
    reversal = Reversal(200, b"a", money, 1)
    usual = after.add(an_order("a")) + after.reverse(reversal)
    early = before.reverse(reversal) + before.add(an_order("a"))
    assert sums(early) == sums(usual)
    assert before == after


def test_every_order_of_arrival_gives_the_same() -> None:
    happened: list[Order | Reversal] = [
        an_order("a", 100),
        an_order("b", 300, money=0),
        an_order("c", 200, money=-500),
        Reversal(400, b"a", 100, 1),
        Reversal(500, b"a", 50, 0),
        Reversal(450, b"c", None, 0),
    ]
    results = []
    for arrival in permutations(happened):
        book, booked = OrderBook([], []), list[Booking]()
        for one in arrival:
            booked += book.add(Order(*_fields(one))) if isinstance(one, Order) else book.reverse(one)
        results.append((sums(booked), book.span(), book.orders, book.waiting))
    assert all(result == results[0] for result in results)
    assert results[0][1] == (100, 300)


def _fields(order: Order) -> tuple[int, bytes, int, int, int, tuple[tuple[str, int], ...]]:
    return order.at, order.name, order.money, order.items, order.discounted, order.categories


def test_the_64_latest_by_time_are_remembered_however_they_arrive() -> None:
    book = OrderBook([], [])
    for at in [*range(100, 0, -1), *range(101, 131)]:
        book.add(an_order(f"o{at}", at))
    assert [order.at for order in book.orders] == list(range(67, 131))
    assert len(book.orders) == REMEMBERED
    assert book.span() == (1, 130)


def test_first_and_last_survive_forgetting_and_reversals() -> None:
    book = OrderBook([], [])
    for at in range(1, 80):
        book.add(an_order(f"o{at}", at))
    for at in range(16, 80):
        book.reverse(Reversal(500, f"o{at}".encode(), None, 0))
    assert book.span() == (1, 15), "all that are remembered were cancelled; those forgotten still count"
    assert sums(book.reverse(Reversal(600, b"o3", 10, 0))) == {(600, "money"): -10}, "no longer known"


def test_a_cancelled_order_is_not_the_last() -> None:
    book = OrderBook([], [])
    book.add(an_order("a", 100))
    book.add(an_order("b", 200))
    book.reverse(Reversal(250, b"b", None, 0))
    assert book.span() == (100, 100)


def test_no_more_than_64_reversals_wait() -> None:
    book = OrderBook([], [])
    for at in range(80):
        book.reverse(Reversal(at, f"o{at}".encode(), 1, 0))
    assert [waiting.at for waiting in book.waiting] == list(range(16, 80))
