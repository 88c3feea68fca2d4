"""Test borders derived from a shop's own customers."""

from __future__ import annotations

from random import Random

from heart_logs import DAY, T0

from models.customer.customer import Customer
from models.customer.orders import Order
from models.features.features import FeatureContext
from models.rules.bands import Bands
from models.rules.declared import load
from models.rules.suggest import FEWEST_BUYERS, Figures, file_of, returns, suggest

SHOP = FeatureContext()


def bought(number: int, days: list[float], money: int) -> Customer:
    customer = Customer(f"c{number}", (0, number), T0)
    for day in days:
        at = T0 + round(day * DAY)
        customer.post(customer.book.add(Order(at, b"%d" % at, money, 1, 0, ())), SHOP.half_life)
    return customer


def test_borders_are_quantiles_and_the_file_says_so() -> None:
    random, figures = Random(3), Figures()
    for number in range(400):
        gaps = [random.expovariate(1 / 30) for _ in range(random.randrange(0, 8))]
        days = [100 - sum(gaps[:at]) for at in range(len(gaps))]
        figures.add(bought(number, sorted(days), random.randrange(500, 20_000)), T0 + 100 * DAY, SHOP)
    suggested = suggest(figures)
    assert (
        suggested["customers"] == 400 and 300 < suggested["buyers"] < 400 and suggested["returns"] == len(figures.late)
    )
    spend, late = list(suggested["spend_decayed"].values()), list(suggested["lateness"].values())
    shares = [sum(value < border for value in figures.spend) / suggested["active"] for border in spend]
    assert all(abs(share - wanted) < 0.03 for share, wanted in zip(shares, (0.5, 0.8, 0.95), strict=True))
    assert late == sorted(late) and late[0] >= 1.5 and suggested["orders"]["loyal"] < suggested["orders"]["champion"]
    text = file_of(suggested)
    assert text.startswith(f"# Suggested from {suggested['active']:,} active buyers of 400 customers")
    value = next(one for one in load(text, 2).segmentations if isinstance(one, Bands))
    assert [band.enter for band in value.bands[1:]] == spend
    assert all(band.exit < band.enter for band in value.bands[1:])


def test_lateness_of_a_return_is_the_feature_just_before() -> None:
    days = [0, 10, 50, 55]
    found = returns([T0 + day * DAY for day in days])
    # cadence = (span + 2 * 45) / (orders - 1 + 2), as in the feature
    assert found == [10 / 45, 40 / (100 / 3), 5 / (140 / 4)]


def test_few_buyers_get_a_word_instead() -> None:
    figures = Figures()
    for number in range(FEWEST_BUYERS - 1):
        figures.add(bought(number, [1], 1_000), T0 + 10 * DAY, SHOP)
    figures.add(Customer("x", (0, 99), T0), T0 + 100 * DAY, SHOP)
    suggested = suggest(figures)
    assert "49 active buyers are too few" in suggested["note"] and suggested["customers"] == 50


def test_a_shop_of_one_kind_of_customer_gets_rising_borders() -> None:
    figures = Figures()
    for number in range(60):
        figures.add(bought(number, [1, 2], 10), T0 + 40 * DAY, SHOP)
    load(file_of(suggest(figures)), 2)


def test_lost_buyers_draw_no_borders() -> None:
    """An old shop has ten lost buyers for each active one; the borders are those of the active."""
    active, everybody = Figures(), Figures()
    for number in range(660):
        lost = number % 11 > 0
        customer = bought(number, [1, 20] if lost else [970, 990], 1_000 + number * 10)
        everybody.add(customer, T0 + 1_000 * DAY, SHOP)
        if not lost:
            active.add(customer, T0 + 1_000 * DAY, SHOP)
    suggested, alone = suggest(everybody), suggest(active)
    assert (suggested["buyers"], suggested["active"], alone["active"]) == (660, 60, 60)
    assert suggested["spend_decayed"] == alone["spend_decayed"] and suggested["orders"] == alone["orders"]
    assert suggested["spend_decayed"]["medium"] > 10
