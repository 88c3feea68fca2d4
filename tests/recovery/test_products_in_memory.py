"""Test an approved challenger in a lane: its products move customers, with reasons, whatever happens to the process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from heart_lanes import MODES, Mode, Rig, counters
from heart_logs import DAY, HOUR, T0, LogMaker, by_customer, order, view
from heart_models import foreseeing
from heart_strategies import HERE, POLICY, one_by_one, straight

from models.prediction.model import PredictionModel
from models.prediction.order_record import record_of, side_by_side
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from schemas import topics
from schemas.records import Record

REACH = """
[reach]
kind = "rules"
rules = [
    { segment = "worth_a_call", when = "p_buy_30d < 0.2 exit 0.25" },
    { segment = "leave_alone", when = "p_buy_30d >= 0.5 exit 0.45" },
    { segment = "other" },
]
[reach.segments]
worth_a_call = {}
leave_alone = {}
other = {}
"""
SHOP = replace(POLICY, definitions=load(DEFAULT_TEXT + REACH, 1))
_PACES = (5, 9, 14, 25)


def approved(first: float, second: float) -> PredictionModel:
    products = ((("age", "orders"), first), (("recency", "recency"), second))
    return replace(foreseeing(2), products=products)


@cache
def log(first: float, second: float) -> tuple[Record, ...]:
    """Return a log of four customers who order at different paces; on day 60 a version with products, and then silence."""
    made = LogMaker(now=T0)
    made.predictions(foreseeing(1), now=T0 + HOUR)
    orders = sorted((day, who) for who, pace in zip(HERE, _PACES, strict=False) for day in range(0, 58, pace))
    for day, who in orders:
        made.event(order(f"{who}{day}", who, T0 + day * DAY + HOUR, 40.0), now=T0 + day * DAY + HOUR)
    made.predictions(approved(first, second), now=T0 + 60 * DAY)
    for day in (61, 62, 70):
        made.event(view(f"look{day}", HERE[4], T0 + day * DAY + HOUR), now=T0 + day * DAY + HOUR)
    return tuple(made.records)


def played(products: tuple[float, float], plan: dict[int, Mode] | None = None) -> Rig:
    rig = Rig(log(*products), plan, policy=SHOP)
    asyncio.run(rig.run())
    rig.check_view()
    return rig


def test_products_move_customers_with_reasons_and_a_replay_says_the_same() -> None:
    products = (1.5, -0.8)
    rig = played(products)
    moved = [one for one in rig.values(topics.CHANGES) if one["segmentation"] == "reach" and one["cause"] == "refit"]
    assert {one["customer_id"] for one in moved} <= set(HERE) and len(moved) >= 2
    assert not any(one["automation_safe"] for one in moved)
    # The reason is the prediction, and its value is that of the version with the products.
    replayed = straight(rig.records, SHOP)
    by_id = {(one.customer_id, one.seq): one for one in replayed.changes}
    with_products, without = approved(*products), approved(0.0, 0.0)
    for one in moved:
        change = by_id[one["customer_id"], one["seq"]]
        [reason] = [reason for reason in change.reasons if reason.feature == "p_buy_30d"]
        record = record_of(replayed.customer(one["customer_id"]), SHOP.grid)
        assert record is not None
        day, spend = SHOP.grid.day_of(change.changed_at), np.array([float(record.spend)])
        says = [
            float(model.score(side_by_side([record]), spend, day, ["p_buy_30d"])["p_buy_30d"][0])
            for model in (with_products, without)
        ]
        assert reason.after == says[0] != says[1]
        assert reason.before != reason.after == change.features["p_buy_30d"]
    # All in one batch, record by record, and the lane with its portions: the same changes.
    keys = by_customer(replayed.changes)
    assert by_customer(one_by_one(rig.records, SHOP).changes) == keys
    written: dict[str, list[tuple[object, ...]]] = {}
    for one in rig.values(topics.CHANGES):
        sides = [None if one[side] is None else one[side]["id"] for side in ("from", "to")]
        written.setdefault(one["customer_id"], []).append((one["segmentation"], one["seq"], *sides, one["cause"]))
    # Only the lane has seen the customer whose interaction advances the clock at the end.
    del written["leo"]
    assert written == {id: [(*key[:4], key[5]) for key in moves] for id, moves in keys.items()}


def test_products_of_weight_nought_move_nobody() -> None:
    rig = played((0.0, 0.0))
    assert [one for one in rig.values(topics.CHANGES) if one["cause"] == "refit"] == []


@pytest.mark.parametrize("mode", MODES)
def test_a_lane_that_dies_around_the_version_says_the_same(mode: Mode) -> None:
    usual = played((1.5, -0.8))
    effects = usual.faults.count
    for at in range(effects // 2 + MODES.index(mode), effects, 9):
        rig = played((1.5, -0.8), {at: mode})
        assert rig.crashes == 1
        assert rig.outputs() == usual.outputs() and rig.state() == usual.state()
        assert counters(rig.ledger()) == counters(usual.ledger())
