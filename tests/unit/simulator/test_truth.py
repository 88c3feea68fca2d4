"""Test who the simulated customers really are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streamer.simulator.archetypes import ARCHETYPES, SUBSCRIBER
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.simulator.truth import CustomerTruth, read_truth, write_truth

NAMES = {kind.name for kind in ARCHETYPES}


def test_shares_sum_to_one() -> None:
    assert sum(kind.share for kind in ARCHETYPES) == pytest.approx(1.0)


@pytest.mark.parametrize("days", [365, 120])
def test_some_customers_change_once_to_something_else_in_the_middle_of_the_history(days: int) -> None:
    truth = Shop(ShopConfig(customers=2_000, days=days)).truth()
    scale = days / 365
    changers = [customer for customer in truth if len(customer.spells) == 2]
    assert len(changers) == 300
    for customer in changers:
        (joined, before), (changed, after) = customer.spells
        assert before != after and {before, after} <= NAMES
        assert int(130 * scale) <= changed <= 300 * scale
        assert joined <= changed - 29 * scale
    assert [customer.customer_id for customer in truth[:2]] == ["c000000", "c000001"]
    assert len(truth) == 2_000


def test_most_customers_are_there_early_and_all_kinds_are() -> None:
    truth = Shop(ShopConfig(customers=4_000)).truth()
    joined = [customer.spells[0][0] for customer in truth]
    assert sum(day <= 30 for day in joined) / len(joined) == pytest.approx(0.75, abs=0.03)
    assert max(joined) <= 240
    kinds = Counter(customer.spells[0][1] for customer in truth)
    for kind in ARCHETYPES:
        assert kinds[kind.name] / len(truth) == pytest.approx(kind.share, abs=0.025)


def test_the_seventh_archetype_appears_in_its_scenario_only() -> None:
    config = ShopConfig(customers=1_000, scenario="new-archetype")
    converts = [c for c in Shop(config).truth() if c.spells[-1][1] == SUBSCRIBER.name]
    assert len(converts) == 80
    assert all(200 <= customer.spells[-1][0] <= 220 for customer in converts)
    others = Shop(ShopConfig(customers=1_000)).truth()
    assert all(archetype in NAMES for customer in others for _, archetype in customer.spells)


def test_the_archetype_of_a_day() -> None:
    customer = CustomerTruth("c1", ((10, "loyal"), (200, "lapsed")))
    assert [customer.archetype_on(day) for day in (9, 10, 199.9, 200)] == [None, "loyal", "loyal", "lapsed"]


def test_truth_survives_its_file(tmp_path: Path) -> None:
    truth = Shop(ShopConfig(customers=50, scenario="bots")).truth()
    path = tmp_path / "truth.jsonl"
    write_truth(truth, path)
    assert read_truth(path) == truth
    assert sum(customer.bot for customer in truth) == 3
