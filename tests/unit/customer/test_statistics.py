from __future__ import annotations

from random import Random

import pytest
from heart_statistics import assert_same, plain

from models.customer.customer import Customer
from models.customer.decay import decayed, weight
from models.customer.orders import Order, Reversal, unnamed
from models.customer.statistics import INTERACTION_INDEX, MAX_CATEGORIES, REST, Statistics, plus
from schemas.events import INTERACTIONS

DAY = 86_400_000
AT = 1_740_787_200_000
HALF = 25.0 * DAY


def customer() -> Customer:
    return Customer("ann", (0, 0), AT)


def test_an_order_and_its_refund() -> None:
    ann = customer()
    counted = ann.statistics
    first = Order(AT, b"a", 6_000, 2, 1, (("tea", 6_000),))
    ann.post(ann.book.add(first), HALF)
    ann.post(ann.book.add(Order(AT + 25 * DAY, b"b", 4_000, 1, 0, ())), HALF)
    assert (counted.orders, counted.spend, counted.items, counted.discounted) == (2, 10_000, 3, 1)
    assert decayed(counted.spend_weight, AT + 25 * DAY, HALF) == pytest.approx(7_000)
    assert decayed(counted.order_weight, AT + 25 * DAY, HALF) == pytest.approx(1.5)
    assert (counted.first_order, counted.last_order) == (AT, AT + 25 * DAY)
    assert ann.book_dirty
    ann.post(ann.book.reverse(Reversal(AT + 30 * DAY, b"b", None, 0)), HALF)
    assert (counted.orders, counted.spend, counted.items, counted.last_order) == (1, 6_000, 2, AT)
    assert decayed(counted.spend_weight, AT, HALF) == pytest.approx(6_000)
    assert counted.categories["tea"][0] == pytest.approx(6_000 * weight(AT, HALF))


def test_cancelling_the_only_order_leaves_exactly_nothing() -> None:
    ann = customer()
    counted = ann.statistics
    ann.post(ann.book.add(Order(AT, b"a", 6_001, 2, 1, (("tea", 6_001),))), HALF)
    ann.post(ann.book.reverse(Reversal(AT + DAY, b"a", None, 0)), HALF)
    assert (counted.spend_weight, counted.order_weight, counted.orders, counted.spend) == (0.0, 0.0, 0, 0)
    assert counted.first_order is None and counted.last_order is None


def test_negative_money_without_an_order() -> None:
    ann = customer()
    counted = ann.statistics
    ann.post([unnamed(Reversal(AT, b"", 500, 1))], HALF)
    assert (counted.orders, counted.spend, counted.items) == (0, -500, -1)
    assert decayed(counted.spend_weight, AT, HALF) == pytest.approx(-500)


def test_interactions_by_kind_and_category() -> None:
    ann = customer()
    counted = ann.statistics
    ann.interact(INTERACTION_INDEX["product.viewed"], "tea", AT, HALF)
    ann.interact(INTERACTION_INDEX["email.clicked"], None, AT, HALF)
    assert counted.interactions[:8] == [1, 0, 0, 0, 0, 0, 0, 1] and sum(counted.interactions) == 2
    assert counted.categories == {"tea": [0.0, weight(AT, HALF)]}


def test_categories_are_bounded_and_nothing_is_lost() -> None:
    counted, random = Statistics(), Random(3)
    total = 0.0
    for _ in range(2_000):
        amount = random.randint(-50, 200)
        counted.add_category(f"c{random.randint(0, 60)}", float(amount), 1.0)
        total += amount
    assert len(counted.categories) == MAX_CATEGORIES + 1
    assert REST in counted.categories
    assert sum(entry[0] for entry in counted.categories.values()) == pytest.approx(total)
    assert sum(entry[1] for entry in counted.categories.values()) == 2_000


def test_the_smallest_category_joins_the_rest() -> None:
    counted = Statistics()
    for number in range(MAX_CATEGORIES):
        counted.add_category(f"c{number:02}", 100.0 + number, 0.0)
    assert REST not in counted.categories
    counted.add_category("new", 1_000.0, 0.0)
    assert (
        "c00" not in counted.categories
        and counted.categories[REST] == [100.0, 0.0]
        and counted.categories["new"][0] == 1_000.0
    )


def test_a_category_with_nothing_in_it_leaves_no_trace() -> None:
    counted = Statistics()
    counted.add_category("shoes", 10.0, 0.0)
    counted.add_category("shoes", -10.0, 0.0)
    counted.add_category("hats", 0.0, 0.0)
    counted.add_category("bags", 5.0, 1.0)
    counted.add_category("bags", -5.0, 0.0)
    assert counted.categories == {"bags": [0.0, 1.0]}


def test_what_is_taken_back_leaves_no_rounding() -> None:
    assert 0.3 + 0.6 - 0.3 - 0.6 != 0.0
    counted, total = Statistics(), 0.0
    for amount in (0.3, 0.6, -0.3, -0.6):
        total = plus(total, amount * 1e22)
        counted.add_category("shoes", amount * 1e22, 0.0)
        counted.add_category("bags", amount * 1e22, 1.0)
    assert total == 0.0
    assert counted.categories == {"bags": [0.0, 4.0]}
    assert plus(1.0, -0.999) == 1.0 - 0.999


def lived(numbers: range) -> Statistics:
    """Return the statistics of a customer with everything that is counted, in part or in full."""
    ann = customer()
    for number in numbers:
        lines = ((f"c{number % 7}", 100 + number),)
        ann.post(ann.book.add(Order(AT + number * DAY, b"%d" % number, 500 + number, 2, 1, lines)), HALF)
        ann.interact(number % len(INTERACTIONS), "tea", AT + number * DAY, HALF)
    return ann.statistics


COUNTED = [name for name in Statistics.__struct_fields__ if name != "era"]


@pytest.mark.parametrize("name", COUNTED)
def test_every_statistic_is_counted(name: str) -> None:
    """A field that nothing changes is missing here, or in `lived`."""
    assert plain(lived(range(len(INTERACTIONS))))[name] != plain(Statistics())[name]


@pytest.mark.parametrize("name", [name for name in COUNTED if name not in Statistics.RENEWED])
def test_every_statistic_is_merged(name: str) -> None:
    found, wanted = lived(range(10)), lived(range(20))
    found.merge(lived(range(10, 20)))
    found.first_order, found.last_order = wanted.first_order, wanted.last_order
    assert_same(found, wanted)
    assert plain(found)[name] != plain(lived(range(10)))[name]


@pytest.mark.parametrize("name", [name for name in COUNTED if isinstance(plain(Statistics())[name], float | dict)])
def test_every_decayed_statistic_fades(name: str) -> None:
    found, wanted = lived(range(10)), plain(lived(range(10)))[name]
    found.fade(0.5)
    half = {key: [0.5 * one for one in sums] for key, sums in wanted.items()} if name == "categories" else wanted / 2
    assert plain(found)[name] == half


def test_statistics_survive_being_stored_and_handed_over() -> None:
    counted = lived(range(30))
    assert Statistics.decode(counted.encode()) == counted
    assert len(Statistics().encode()) == Statistics.ALWAYS
    handed = counted.handed_over()
    assert handed.keys() == set(COUNTED) - Statistics.RENEWED, "without era, which is 0"
    again = Statistics.of({"event_id": "another field", **handed})
    again.first_order, again.last_order = counted.first_order, counted.last_order
    assert again == counted
    counted.era = 1
    assert Statistics.decode(counted.encode()) == counted != again
    assert Statistics.of(counted.handed_over()).era == 1
    with pytest.raises(ValueError):
        Statistics.of({**handed, "orders": "three"})
    with pytest.raises(ValueError, match="spend"):
        Statistics.of({name: value for name, value in handed.items() if name != "spend"})


def test_the_stored_order_of_interactions_stays() -> None:
    """Counts are stored by position, so this list may only grow at the end."""
    assert INTERACTIONS[:8] == (
        "product.viewed",
        "product.clicked",
        "cart.added",
        "cart.removed",
        "checkout.started",
        "page.viewed",
        "email.opened",
        "email.clicked",
    )
    assert [INTERACTION_INDEX[type] for type in INTERACTIONS] == list(range(len(INTERACTIONS)))


def test_statistics_of_versions_that_knew_less_or_more_interactions() -> None:
    values = list(lived(range(30)).encode())
    counts = values[8]
    for size in (5, len(INTERACTIONS), 12):
        values[8] = (counts + [9] * 8)[:size]
        assert Statistics.decode(values).interactions == (counts[:size] + [0] * 8)[: len(INTERACTIONS)]
    handed = {**lived(range(3)).handed_over(), "interactions": [4]}
    assert Statistics.of(handed).interactions == [4] + [0] * (len(INTERACTIONS) - 1)


def test_statistics_reset_with_their_customer_and_share_nothing() -> None:
    ann, bob = customer(), customer()
    ann.statistics = lived(range(3))
    ann.reset()
    assert ann.statistics == Statistics() == bob.statistics
    ann.interact(0, "tea", AT, HALF)
    assert bob.statistics == Statistics() != ann.statistics
