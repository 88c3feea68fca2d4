"""Test the goals of the segments, and the oracle."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log, nan

import numpy as np
import pytest
from typer.testing import CliRunner

from models.behaviour.layout import FIRST_CODE
from streamer.cli import build
from streamer.commands.evaluate_goals import GOAL_SHOPS
from streamer.evaluate import oracle
from streamer.evaluate.activity import Activity, of_shop
from streamer.evaluate.goals import GOALS, Goal, of_file, of_shops
from streamer.evaluate.metrics import moves_of
from streamer.evaluate.retail import Retail
from streamer.evaluate.truth import over_days
from streamer.simulator.config import ShopConfig
from streamer.simulator.population import KINDS
from streamer.simulator.simulate import Shop

CUSTOMERS = 600


def shop_of(scenario: str) -> tuple[Shop, Activity]:
    config = ShopConfig(customers=CUSTOMERS, seed=11, scenario=scenario)
    return Shop(config), of_shop(config)


@pytest.fixture(scope="module")
def stationary() -> tuple[Shop, Activity]:
    return shop_of("stationary")


def test_the_oracle_begins_with_the_truth_and_is_mistaken_less_often_where_it_asks_for_more(
    stationary: tuple[Shop, Activity],
) -> None:
    shop, activity = stationary
    truth = over_days(shop.truth(), activity)
    moves = []
    for threshold in (4.0, 8.0, 1e9):
        labels = oracle.labels_of(shop, activity, threshold)
        came = activity.met < activity.days
        first = labels[activity.met[came] + 1, came]
        # A first day may already favour another kind by 4 nats, not by 8.
        if threshold > 4:
            assert (first == truth.kind[activity.met[came] + 1, came] + FIRST_CODE).mean() > 0.99
        assert (labels[:, ~came] == 0).all() and (labels[0] == 0).all()
        moves.append(len(moves_of(labels)[0]))
    assert moves[0] > moves[1] > 50 and moves[2] == 0


def test_a_day_says_what_the_customers_own_rates_say_of_it(stationary: tuple[Shop, Activity]) -> None:
    """Written out for one customer and three days: nothing, a click, a discounted order."""
    shop, _ = stationary
    people = shop._world.population
    known = oracle._customers(shop)
    first = KINDS[int(people.kind[0])]
    factor = people.order_rate[0] / first.orders_per_day, people.click_rate[0] / first.interactions_per_day
    shift = people.log_basket[0] - log(first.basket)
    odds = people.discount[0] / (1 - people.discount[0]) / (first.discount / (1 - first.discount))
    logs = log(5_000) + log(0.9)
    days = [(0.0, 0.0, 0.0, 0.0), (0.0, 3.0, 0.0, 0.0), (1.0, 0.0, logs, 1.0)]
    for day in days:
        did = np.zeros((4, CUSTOMERS))
        did[:, 0] = day
        found = oracle._log_likelihood(shop, known, 200, did, np.zeros(CUSTOMERS))[0]
        by_hand, squares = [], []
        for kind in KINDS:
            orders, clicks = kind.orders_per_day * factor[0], kind.interactions_per_day * factor[1]
            chance = odds * kind.discount / (1 - kind.discount)
            chance /= 1 + chance
            by_hand.append(
                (log(1 - exp(-orders)) + log(chance) if day[0] else -orders)
                + (log(1 - exp(-clicks)) if day[1] else -clicks)
            )
            squares.append((logs - oracle._PAID - (log(100 * kind.basket) + shift)) ** 2 / (2 * 0.48**2))
        if day[0]:
            by_hand = [one - min(s - min(squares), 3.0) for one, s in zip(by_hand, squares, strict=True)]
        assert found.tolist() == pytest.approx(by_hand)


def test_nobody_is_suspected_on_a_holiday() -> None:
    shop, activity = shop_of("holidays")
    begins, ends = shop._world.population.holidays[0, 0]
    assert oracle._awake(shop, int(begins) - 1)[0] == 1.0 and oracle._awake(shop, int(begins) + 2)[0] == 0.0
    assert 0.0 < oracle._awake(shop, int(ends))[0] < 1.0
    likelihoods = oracle._log_likelihood(
        shop, oracle._customers(shop), int(begins) + 2, np.zeros((4, CUSTOMERS)), np.zeros(CUSTOMERS)
    )[0]
    assert likelihoods == pytest.approx(np.zeros(len(KINDS)), abs=1e-9)
    assert len(activity.customers) == CUSTOMERS


def test_a_goal_is_met_on_its_own_side_and_never_by_what_is_no_figure() -> None:
    calm = Goal("stationary", 7, "spurious", 1.5, 1.5)
    assert calm.met and not replace(calm, reached=1.51).met and not replace(calm, reached=nan).met
    alike = Goal("stationary", 7, "ari", 0.93, 0.93)
    assert alike.met and not replace(alike, reached=0.929).met and not replace(alike, reached=nan).met


def test_of_a_file_are_asked_what_the_segments_say_about_spend_and_how_often_they_bounce() -> None:
    rows = [("segments", 0.19, 0.7, 7), ("batch K-means, same features and k", 0.20, 0.7, 7)]
    found = Retail(rows, 20_000, 100, 0.041, 0.0, "volume", "", 200.0, [])
    batch, undone = of_file("shop.csv", found)
    assert batch.reached == pytest.approx(0.95) and not undone.met and undone.seed is None


def test_every_figure_with_a_goal_is_measured_beside_the_oracle() -> None:
    found = of_shops(["hard"], [11], CUSTOMERS, lambda text: None)
    assert [(one.figure, one.goal) for one in found] == list(GOALS["hard"].items())
    reached = {one.figure: one.reached for one in found}
    assert reached["spurious"] < 6 and reached["ari"] > 0.7 and 0.5 < reached["detected"] < 1.0
    # Knowing all rates it detects most changes, though not all: some kinds are too alike.
    best = {one.figure: one.oracle for one in found}
    assert best["spurious"] < reached["spurious"] and best["ari"] > max(0.9, reached["ari"])
    assert 0.7 < best["detected"] < 1.0


def test_the_command_prints_goals_beside_the_oracle() -> None:
    assert set(GOAL_SHOPS) == set(GOALS)
    arguments = ["evaluate", "segments", "--goals", "--customers", "600", "--seeds-of", "000b000c", "--json"]
    result = CliRunner().invoke(build(), [*arguments, "--scenario", "stationary"])
    found = json.loads(result.stdout)
    assert found["seeds"] == [11, 12] and len(found["goals"]) == 6
    for one in found["goals"]:
        assert one["oracle"] is not None and one["met"] == Goal(**{k: v for k, v in one.items() if k != "met"}).met
    refused = CliRunner().invoke(build(), [*arguments, "--scenario", "bots"])
    assert refused.exit_code == 1 and "bots" in refused.output and "lifelike" in refused.output
