from __future__ import annotations

from random import Random

import pytest

from models.customer.customer import INTERACTION_INDEX, Customer
from models.customer.decay import decayed, weight
from models.customer.orders import Order, Reversal, unnamed
from models.customer.statistics import MAX_CATEGORIES, REST, add_category, book, interact, plus

DAY = 86_400_000
AT = 1_740_787_200_000
HALF = 25.0 * DAY


def customer() -> Customer:
    return Customer("ann", (0, 0), AT)


def test_an_order_and_its_refund() -> None:
    ann = customer()
    first = Order(AT, b"a", 6_000, 2, 1, (("tea", 6_000),))
    book(ann, ann.book.add(first), HALF)
    book(ann, ann.book.add(Order(AT + 25 * DAY, b"b", 4_000, 1, 0, ())), HALF)
    assert (ann.orders, ann.spend, ann.items, ann.discounted) == (2, 10_000, 3, 1)
    assert decayed(ann.spend_weight, AT + 25 * DAY, HALF) == pytest.approx(7_000)
    assert decayed(ann.order_weight, AT + 25 * DAY, HALF) == pytest.approx(1.5)
    assert (ann.first_order, ann.last_order) == (AT, AT + 25 * DAY)
    assert ann.book_dirty
    book(ann, ann.book.reverse(Reversal(AT + 30 * DAY, b"b", None, 0)), HALF)
    assert (ann.orders, ann.spend, ann.items, ann.last_order) == (1, 6_000, 2, AT)
    assert decayed(ann.spend_weight, AT, HALF) == pytest.approx(6_000)
    assert ann.categories["tea"][0] == pytest.approx(6_000 * weight(AT, HALF))


def test_cancelling_the_only_order_leaves_exactly_nothing() -> None:
    ann = customer()
    book(ann, ann.book.add(Order(AT, b"a", 6_001, 2, 1, (("tea", 6_001),))), HALF)
    book(ann, ann.book.reverse(Reversal(AT + DAY, b"a", None, 0)), HALF)
    assert (ann.spend_weight, ann.order_weight, ann.orders, ann.spend) == (0.0, 0.0, 0, 0)
    assert ann.first_order is None and ann.last_order is None


def test_negative_money_without_an_order() -> None:
    ann = customer()
    book(ann, [unnamed(Reversal(AT, b"", 500, 1))], HALF)
    assert (ann.orders, ann.spend, ann.items) == (0, -500, -1)
    assert decayed(ann.spend_weight, AT, HALF) == pytest.approx(-500)


def test_interactions_by_kind_and_category() -> None:
    ann = customer()
    interact(ann, INTERACTION_INDEX["product.viewed"], "tea", AT, HALF)
    interact(ann, INTERACTION_INDEX["email.clicked"], None, AT, HALF)
    assert ann.interactions == [1, 0, 0, 0, 0, 0, 0, 1]
    assert ann.categories == {"tea": [0.0, weight(AT, HALF)]}


def test_categories_are_bounded_and_nothing_is_lost() -> None:
    ann, random = customer(), Random(3)
    total = 0.0
    for _ in range(2_000):
        amount = random.randint(-50, 200)
        add_category(ann, f"c{random.randint(0, 60)}", float(amount), 1.0)
        total += amount
    assert len(ann.categories) == MAX_CATEGORIES + 1
    assert REST in ann.categories
    assert sum(entry[0] for entry in ann.categories.values()) == pytest.approx(total)
    assert sum(entry[1] for entry in ann.categories.values()) == 2_000


def test_the_smallest_category_joins_the_rest() -> None:
    ann = customer()
    for number in range(MAX_CATEGORIES):
        add_category(ann, f"c{number:02}", 100.0 + number, 0.0)
    assert REST not in ann.categories
    add_category(ann, "new", 1_000.0, 0.0)
    assert "c00" not in ann.categories and ann.categories[REST] == [100.0, 0.0] and ann.categories["new"][0] == 1_000.0


def test_a_category_with_nothing_in_it_leaves_no_trace() -> None:
    ann = customer()
    add_category(ann, "shoes", 10.0, 0.0)
    add_category(ann, "shoes", -10.0, 0.0)
    add_category(ann, "hats", 0.0, 0.0)
    add_category(ann, "bags", 5.0, 1.0)
    add_category(ann, "bags", -5.0, 0.0)
    assert ann.categories == {"bags": [0.0, 1.0]}


def test_what_is_taken_back_leaves_no_rounding() -> None:
    assert 0.3 + 0.6 - 0.3 - 0.6 != 0.0
    ann, total = customer(), 0.0
    for amount in (0.3, 0.6, -0.3, -0.6):
        total = plus(total, amount * 1e22)
        add_category(ann, "shoes", amount * 1e22, 0.0)
        add_category(ann, "bags", amount * 1e22, 1.0)
    assert total == 0.0
    assert ann.categories == {"bags": [0.0, 4.0]}
    assert plus(1.0, -0.999) == 1.0 - 0.999
