"""Test cards in words, from figures that anyone can recompute."""

from __future__ import annotations

from dataclasses import replace

import pytest
from heart_models import jumpy

from models.customer.customer import Customer, Membership
from models.features.features import FeatureContext
from models.features.time import DAY_MS
from models.messages import messages
from models.rules.cards import Group, Typical, census, cluster_meaning, in_words, of_cluster
from schemas.errors import UserError
from streamer.commands.segment_cards import lines
from streamer.core.policy import Policy
from streamer.queries.cards import cards

AT = 20_000 * DAY_MS
SHOP = FeatureContext(100, 25.0 * DAY_MS)
AVERAGE = Typical(gap_days=40.0, basket=40.0, discount_share=0.3, clicks=0.2, silent_days=30.0)
EN, ZH = messages("en"), messages("zh")


def sentence(**own: float | None) -> str:
    return in_words(Typical(**own), AVERAGE, EN)


@pytest.mark.parametrize(
    ("days", "messages"),
    [
        (0.6, "buys every day"),
        (5.0, "buys every 5 days"),
        (7.4, "buys every 7 days"),
        (21.0, "buys every 3 weeks"),
        (69.0, "buys every 10 weeks"),
        (91.0, "buys every 3 months"),
        (600.0, "buys less than once in a year and a half"),
        (None, "has not bought yet"),
    ],
)
def test_how_often(days: float | None, messages: str) -> None:
    assert sentence(gap_days=days) == messages


@pytest.mark.parametrize(
    ("basket", "messages"),
    [
        (200.0, "5 times the average basket"),
        (101.0, "3 times the average basket"),
        (80.0, "twice the average basket"),
        (52.0, "a larger basket than average"),
        (40.0, "an average basket"),
        (26.0, "a smaller basket than average"),
        (20.0, "half the average basket"),
        (10.0, "less than half the average basket"),
    ],
)
def test_for_how_much(basket: float, messages: str) -> None:
    assert sentence(gap_days=21.0, basket=basket) == f"buys every 3 weeks, {messages}"


def test_discounts_looks_and_silence_are_named_where_they_stand_out() -> None:
    assert sentence(gap_days=21.0, discount_share=0.7).endswith("mostly discounted")
    assert sentence(gap_days=21.0, discount_share=0.5).endswith("more often discounted than others")
    assert sentence(gap_days=21.0, discount_share=0.1).endswith("hardly ever discounted")
    assert sentence(gap_days=21.0, discount_share=0.3) == "buys every 3 weeks"
    assert sentence(gap_days=21.0, clicks=0.4).endswith("browses a lot")
    assert sentence(gap_days=21.0, clicks=0.05).endswith("hardly browses")
    assert sentence(gap_days=21.0, silent_days=41.0) == "buys every 3 weeks"
    assert sentence(gap_days=21.0, silent_days=43.0).endswith("silent for 6 weeks")
    assert sentence(gap_days=21.0, silent_days=200.0).endswith("silent for 7 months")


def bought(id: str, orders: int, spend: int, segment: str, discounted: int = 0) -> Customer:
    customer = Customer(id, (0, 0), AT - 100 * DAY_MS)
    statistics = customer.statistics
    statistics.orders, statistics.spend, statistics.discounted = orders, spend, discounted
    statistics.first_order, statistics.last_order = AT - 90 * DAY_MS, AT - 10 * DAY_MS
    customer.as_of = AT - 10 * DAY_MS
    customer.segments = {"lifecycle": Membership(segment, AT)}
    return customer


def test_a_census_adds_up() -> None:
    people = [bought("a", 9, 90_000, "champion", 9), bought("b", 1, 10_000, "new"), Customer("c", (0, 0), AT)]
    counted = census(people, AT, SHOP)
    assert (counted.shop.customers, counted.shop.buyers, counted.shop.orders) == (3, 2, 10)
    assert counted.shop.revenue == 1_000.0
    assert counted.revenue_share("lifecycle", "champion") == 0.9
    assert counted.revenue_share("lifecycle", "lost") == 0.0
    champion = counted.segments["lifecycle", "champion"].typical
    # (last - first + 90) / (orders - 1 + 2), see docs/segments.md.
    assert champion.gap_days == pytest.approx((80 + 90) / 10)
    assert (champion.basket, champion.discount_share, champion.silent_days) == (100.0, 1.0, 10.0)
    assert Group().typical == Typical() and census([], AT, SHOP).revenue_share("lifecycle", "new") is None


def test_a_cluster_is_described_by_its_own_version() -> None:
    model = jumpy(1)
    model = replace(model, segments=tuple(replace(s, share=0.25) for s in model.segments))
    own, shop = of_cluster(model, "busy") or (Typical(), Typical())
    assert own.gap_days == pytest.approx(2.0) and own.basket == 35.0
    rates = [s.order_rate for s in model.segments]
    assert shop.gap_days == pytest.approx(4 / sum(rates)) and shop.basket == pytest.approx(35.0)
    assert cluster_meaning(model, "busy", EN) == "buys every 2 days, an average basket"
    assert of_cluster(model, "new") is None and cluster_meaning(model, "new", EN) == ""
    named = replace(model, segments=tuple(replace(s, segment_id="champions") for s in model.segments[:1]))
    assert cluster_meaning(named, "champions", ZH) == "下单最勤，消费最高：每 2 天买一次，客单价与平均相当"


def test_cards_by_id() -> None:
    people = [bought("a", 9, 90_000, "champion", 9), bought("b", 1, 10_000, "new")]
    for customer in people:
        customer.segments["behaviour"] = Membership("new", AT)
    counted = census(people, AT, SHOP)
    [card] = cards("champion", Policy(), jumpy(1), counted, EN)
    assert (card["size"], card["share"], card["revenue_share"]) == (1, 0.5, 0.9)
    assert "mostly discounted" in card["words"]
    card_lines = lines(card, EN, "EUR")
    assert card_lines[0].startswith("Champion (lifecycle/champion): eight orders or more")
    assert card_lines[1] == "  1 customer, 50.0% of all, 90.0% of revenue"
    assert card_lines[-1] == "  average basket 100.00 EUR (shop 100.00 EUR)"
    assert {card["segmentation"] for card in cards("new", Policy(), jumpy(1), counted, EN)} == {
        "lifecycle",
        "behaviour",
    }
    [one] = cards("behaviour/new", Policy(), jumpy(1), counted, ZH)
    assert one["name"] == "新客户"
    with pytest.raises(UserError, match="no such segment: vip"):
        cards("vip", Policy(), None, counted, EN)
