"""Test other ways to predict an order, besides the weekly hazard, and the command that compares them."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from challenge_world import planted
from typer.testing import CliRunner

from models.prediction.dropout import Dropout
from models.prediction.records import Records
from streamer.cli import build
from streamer.evaluate.prediction_peers import LEARNERS, bg_nbd, peers
from streamer.evaluate.predictions import Orders, evaluate, panel_of

SHOP = Dropout((0.8, 25.0, 0.9, 3.0), (6.0, 4.0, 15.0))
UNTIL, DAYS = 300, 90


def drawn(customers: int) -> tuple[Records, np.ndarray]:
    """Draw customers as BG/NBD describes them, first seen over the first 200 days, and who ordered in DAYS after UNTIL."""
    rng = np.random.default_rng(1)
    r, alpha, a, b = SHOP.orders
    rate, quits = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    first = rng.uniform(0, 200, customers)
    last, orders, came = first.copy(), np.ones(customers), np.zeros(customers)
    at, there = first.copy(), np.ones(customers, dtype=bool)
    while there.any():
        at = at + rng.exponential(1.0, customers) / rate
        there &= at < UNTIL + DAYS
        before = there & (at < UNTIL)
        last[before], orders[before] = at[before], orders[before] + 1
        came[there & (at >= UNTIL)] = 1.0
        there &= rng.random(customers) >= quits
    return Records(first, last, orders, np.zeros((2, customers)), np.zeros(customers)), came


def test_bg_nbd_is_right_about_customers_who_are_as_it_says() -> None:
    records, came = drawn(30_000)
    chances = bg_nbd(SHOP, records, UNTIL, DAYS)
    for low, high in pairwise([0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]):
        some = (chances >= low) & (chances < high)
        if some.sum() > 300:
            error = 4 * np.sqrt(0.25 / some.sum())
            assert came[some].mean() == pytest.approx(chances[some].mean(), abs=error), (low, high)
    assert (bg_nbd(SHOP, records, UNTIL, 30) < chances).all() and (chances <= 1).all()


def test_every_method_of_the_table_answers_everybody() -> None:
    activity = planted(2, 200, 360, 0.0)
    found = evaluate(activity, [250], lambda text: None, peers)
    methods = {one.method: one for one in found}
    assert {*LEARNERS, "weekly hazard", "BG/NBD", "lifecycle rule (lateness 2, 4, 6)"} < set(methods)
    assert len({one.customers for one in found}) == 1 and len(methods) == 14
    assert all(np.isfinite(one.judgement.log_loss) and one.judgement.auc >= 0.4 for one in found)
    assert methods["BG/NBD"].judgement.auc > 0.6
    # What happens after the answers of that day changes nothing.
    orders = Orders(activity)
    panel, hazard = panel_of(activity.customers), np.full(methods["BG/NBD"].customers, 0.3)
    usual = peers(orders, panel, 250, hazard)
    orders.day, orders.customer = orders.day[orders.day < 250], orders.customer[: int((orders.day < 250).sum())]
    orders._edges = np.searchsorted(orders.day, np.arange(orders.days + 1))
    orders._money = orders._money.copy()
    orders._money[orders._paid[250] :] *= 9
    for name, chances in peers(orders, panel, 250, hazard).items():
        assert np.array_equal(chances, usual[name]), name


def test_the_command_judges_simulated_shops_of_several_sizes() -> None:
    arguments = ["--scenario", "stationary", "--seeds", "7", "--customers", "100", "--customers", "150"]
    found = CliRunner().invoke(build(), ["evaluate", "predictions", *arguments, "--no-peers", "--json"])
    assert found.exit_code == 0, found.output
    rows = json.loads(found.stdout.splitlines()[-1])
    assert {row["shop_customers"] for row in rows} == {100, 150} and len({row["day"] for row in rows}) == 4
    assert {row["shop"] for row in rows} == {"stationary"} and len(rows) >= 2 * 4 * 6
    assert {"weekly hazard, who is on time", "base rate"} <= {row["method"] for row in rows}
    shown = CliRunner().invoke(build(), ["evaluate", "predictions", *arguments[:-2], "--no-peers"])
    assert "stationary, 100 customers, seeds 7" in shown.stdout and "weekly hazard" in shown.stdout
