"""Test the simulated shop: same seed same bytes, valid events, plausible rates."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from typing import Annotated

import numpy as np
import pytest
from pydantic import Field, TypeAdapter

from schemas.codec import decode
from schemas.errors import UserError
from schemas.events import EVENT_TYPES, INTERACTIONS, Event, OrderCompleted, OrderReversed
from schemas.money import to_minor
from streamer.simulator import baskets
from streamer.simulator.archetypes import ARCHETYPES
from streamer.simulator.arrivals import DAY_MS
from streamer.simulator.config import ShopConfig
from streamer.simulator.scenarios import SCENARIOS
from streamer.simulator.simulate import Shop

ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def digest(config: ShopConfig) -> str:
    found = hashlib.sha256()
    for event in Shop(config).history():
        found.update(b"%d %s %s\n" % (event.occurred_at, event.key, event.value))
    return found.hexdigest()


def test_the_same_parameters_give_the_same_bytes_and_another_seed_others() -> None:
    noisy = ShopConfig(customers=60, days=90, late=0.1, duplicates=0.05, broken=0.05)
    assert digest(noisy) == digest(noisy)
    assert digest(noisy) != digest(ShopConfig(customers=60, days=90, seed=2))
    assert Shop(noisy).content_hash == Shop(noisy).content_hash != Shop(ShopConfig()).content_hash


def test_a_shop_can_be_read_again() -> None:
    shop = Shop(ShopConfig(customers=30, days=60))
    first = list(shop.events())
    assert list(shop.events()) == first
    assert shop.rows == len(first) == shop.sent["events"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_event_is_valid_and_comes_in_order_of_time(scenario: str) -> None:
    config = ShopConfig(customers=150, scenario=scenario, days=180)
    events = list(Shop(config).history())
    ids = {decode(event.key, event.value).event_id for event in events}
    assert len(ids) == len(events) > 1_000
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(events))
    assert all(config.start <= event.occurred_at < config.end for event in events)
    for event in events[:200]:
        assert decode(event.key, event.value).occurred_at == event.occurred_at


def test_all_types_are_sent_only_on_request() -> None:
    config = ShopConfig(customers=400, days=365, all_types=True)
    count = Counter(ANY_EVENT.validate_json(event.value).type for event in Shop(config).history())
    # Corrections and custom events are not simulated.
    assert set(count) == EVENT_TYPES - {"order.updated", "event.tracked"}
    fewer = ShopConfig(customers=400, days=365)
    plain = Counter(decode(event.key, event.value).type for event in Shop(fewer).history())
    # The rarer types are added on top, including anonymous views.
    assert {kind: count[kind] for kind in plain if kind != "page.viewed"} == {
        kind: count for kind, count in plain.items() if kind != "page.viewed"
    }


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_an_orders_total_is_the_sum_of_its_lines_less_the_discount(currency: str) -> None:
    discounted = 0
    for record in Shop(ShopConfig(customers=80, days=120, currency=currency)).history():
        event = decode(record.key, record.value)
        if isinstance(event, OrderCompleted):
            lines = 0
            for line in event.products:
                price, quantity = line.get("price"), line.get("quantity")
                assert price is not None and quantity is not None
                lines += to_minor(price, currency) * int(quantity)
            off = event.discount or 0.0
            discounted += off > 0
            assert to_minor(event.total, currency) == lines - to_minor(off, currency)
            assert event.currency == currency
    assert discounted


def test_reversals_are_as_many_as_configured_and_name_earlier_orders() -> None:
    shop = Shop(ShopConfig(customers=1_000, days=200, refunds=0.1))
    totals: dict[str, float] = {}
    kinds: Counter[str] = Counter()
    for record in shop.history():
        event = decode(record.key, record.value)
        if isinstance(event, OrderCompleted):
            totals[event.order_id] = event.total
        elif isinstance(event, OrderReversed):
            if event.order_id is None:
                kinds["unnamed"] += 1
                assert event.total and event.products
            else:
                kinds["whole" if event.total is None else "part"] += 1
                assert (event.total or 0) <= totals[event.order_id]
    assert 0.07 < kinds.total() / len(totals) < 0.11
    assert kinds["whole"] > kinds["part"] > kinds["unnamed"] > 0


def test_rates_of_the_archetypes_are_those_of_the_table() -> None:
    shop = Shop(ShopConfig(customers=3_000))
    start = shop.config.start
    truth = shop.truth()
    # Only those whose kind does not change, and the days since their first event.
    kept = {n: t.spells[0] for n, t in enumerate(truth) if len(t.spells) == 1}
    exposure: Counter[str] = Counter()
    for day, archetype in kept.values():
        exposure[archetype] += shop.config.days - day
    orders: Counter[str] = Counter()
    looks: Counter[str] = Counter()
    for block in shop.blocks():
        for customer, at in zip(block.orders.customer.tolist(), block.orders.at.tolist(), strict=True):
            if customer in kept:
                orders[kept[customer][1]] += 1
                assert (at - start) / DAY_MS >= kept[customer][0]
        looks.update(kept[c][1] for c in block.interactions.customer.tolist() if c in kept)
    for kind in ARCHETYPES:
        assert orders[kind.name] / exposure[kind.name] == pytest.approx(kind.orders_per_day, rel=0.15)
        assert looks[kind.name] / exposure[kind.name] == pytest.approx(kind.interactions_per_day, rel=0.1)
    assert 75 < sum(1 for _ in shop.history()) / 3_000 < 100


def daily(scenario: str, customers: int = 1_000, days: int = 365) -> tuple[Shop, np.ndarray, np.ndarray]:
    """Return customers and days (whole, from the start) of all interactions."""
    shop = Shop(ShopConfig(customers, scenario=scenario, days=days))
    blocks = [block.interactions for block in shop.blocks()]
    at = np.concatenate([block.at for block in blocks])
    return shop, np.concatenate([block.customer for block in blocks]), (at - shop.config.start) // DAY_MS


def test_the_season_raises_the_traffic_and_prices_grow() -> None:
    _, _, days = daily("shock")
    counts = np.bincount(days, minlength=365)
    assert counts[235:285].mean() / counts[300:350].mean() == pytest.approx(1.7, rel=0.1)
    blocks = list(Shop(ShopConfig(scenario="shock")).blocks())
    assert blocks[-1].orders.line_price.min() > blocks[0].orders.line_price.min()


def test_a_holiday_is_silent() -> None:
    def longest_silence(scenario: str) -> float:
        _, customers, days = daily(scenario, customers=400)
        gaps = []
        for customer in np.flatnonzero(np.bincount(customers) > 150):
            own = np.sort(days[customers == customer])
            gaps.append(int(np.diff(own).max()))
        return float(np.median(gaps))

    assert longest_silence("holidays") > longest_silence("stationary") + 5


def test_bots_click_beyond_all_reason() -> None:
    shop, customers, _ = daily("bots", customers=500, days=60)
    counts = np.bincount(customers, minlength=500)
    bots = np.array([truth.bot for truth in shop.truth()])
    assert bots.sum() == 3
    assert counts[bots].min() > 10 * counts[~bots].max()


def test_lifelike_visits_hold_several_clicks_and_some_orders_are_huge() -> None:
    shop = Shop(ShopConfig(scenario="lifelike", customers=500))
    visits: Counter[int] = Counter()
    largest = 0
    for block in shop.blocks():
        visits.update(block.interactions.visit.tolist())
        largest = max(largest, int(block.orders.gross.max(initial=0)))
    assert 3 < visits.total() / len(visits) < 5
    assert largest > 400_000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"scenario": "chaos"}, "stationary, hard"),
        ({"customers": 0}, "customers"),
        ({"late": 1.5}, "late"),
        ({"currency": "XXQ"}, "XXQ"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        ShopConfig(**wrong)  # type: ignore[arg-type]


def test_the_shop_knows_every_interaction_of_the_contract() -> None:
    assert sorted(baskets.INTERACTIONS) == sorted(INTERACTIONS)
