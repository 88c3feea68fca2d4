"""Test when predictions fall back to the cells and return, on simulated shops with spoilt weights and on healthy ones."""

from __future__ import annotations

from math import inf, nan

import msgspec
import numpy as np
import pytest
from prediction_world import FIRST, orders, played, shop_orders

from models.prediction import predictor as owner
from models.prediction.fallback import LOOKS, Trust, judged
from models.prediction.features import NAMES
from models.prediction.model import PredictionModel, first_version
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.predictor import Predictor
from models.prediction.predictor_snapshot import pack, unpack
from models.prediction.recursion import Belief

YEAR, SPOILT = 365, FIRST + 190


@pytest.fixture(autouse=True)
def money_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of money take most of the time, and the fallback does not use them."""
    monkeypatch.setattr(owner, "fitted", lambda records, spend, day, before: before)


def turned(day: int, predictor: Predictor) -> None:
    if day == SPOILT:
        belief = predictor.state.belief
        predictor.state.belief = Belief(-belief.mean, belief.precision)


@pytest.mark.parametrize("scenario", ["stationary", "shock"])
def test_a_healthy_shop_never_falls_back(scenario: str) -> None:
    for seed in range(10):  # 20 shop-years with the other scenario
        predictor, versions = played(shop_orders(scenario, seed, 200), FIRST + YEAR)
        assert len(predictor.weeks) > 45 and not any(week.fallback for week in predictor.weeks), seed
        assert {version.form for version in versions} == {"hazard"}


@pytest.mark.parametrize(("scenario", "seed"), [("stationary", 1), ("shock", 2), ("lifelike", 3), ("lifelike", 4)])
def test_turned_weights_fall_back_within_four_looks_and_are_back_within_ten_weeks(scenario: str, seed: int) -> None:
    predictor, versions = played(shop_orders(scenario, seed, 200), FIRST + YEAR, restarts=True, each=turned)
    after = [week.fallback for week in predictor.weeks if week.day + 8 >= SPOILT]
    fell = after.index(True)
    assert fell < 4
    assert fell + 1 <= after.index(False, fell) <= fell + 10
    assert not any(after[after.index(False, fell) :]), "it stays"
    # Both switches are versions, at once.
    forms = [version.form for version in versions if version.made_on >= SPOILT]
    assert "cells" in forms and forms[-1] == "hazard"
    assert forms == sorted(forms[: forms.index("cells")]) + ["cells"] * forms.count("cells") + ["hazard"] * (
        len(forms) - forms.index("cells") - forms.count("cells")
    )


def test_weights_that_are_no_numbers_fall_back_at_once() -> None:
    def spoil(day: int, predictor: Predictor) -> None:
        if day == FIRST + 120:
            predictor.state.belief = Belief(np.full(len(NAMES), nan), predictor.state.belief.precision)

    predictor, versions = played(orders(1), FIRST + 140, each=spoil)
    after = [week for week in predictor.weeks if week.day + 8 >= FIRST + 120]
    assert after[0].fallback and all(np.isfinite((week.expected, week.auc, week.log_loss)).all() for week in after)
    assert np.isfinite(predictor.state.belief.mean).all()
    for version in versions:
        assert PredictionModel.from_dict(version.to_dict()) == version


@pytest.mark.parametrize("part", ["mean", "precision"])
def test_weights_that_are_no_numbers_while_the_cells_stand_in_begin_again(part: str) -> None:
    def spoil(day: int, predictor: Predictor) -> None:
        if day in (FIRST + 120, FIRST + 128):
            belief = predictor.state.belief
            mean, precision = np.full_like(belief.mean, nan), np.full_like(belief.precision, nan)
            spoilt = Belief(mean, belief.precision) if part == "mean" else Belief(belief.mean, precision)
            predictor.state.belief = spoilt

    predictor, versions = played(orders(1), FIRST + 140, restarts=True, each=spoil)
    assert predictor.state.belief.is_sound
    for version in versions:
        assert PredictionModel.from_dict(version.to_dict()) == version


def week(trust: Trust, loss: float, cells: float = 0.5, rate: float = 0.2) -> Trust:
    return judged(trust, loss, cells, 1e-6, rate)


def test_a_bad_week_is_no_reason_and_a_closed_one_does_not_count() -> None:
    trust = Trust()
    for loss in (0.4, 0.75, 0.4, 0.4, 0.52, 0.4):
        trust = week(trust, loss)
        assert not trust.fallen
    trust = Trust()
    for _ in range(LOOKS - 1):
        trust = week(trust, 0.6)
    closed = week(trust, 0.01, 0.5, 0.02)
    assert (closed.against, closed.loss, closed.fallen) == (LOOKS - 1, trust.loss, False)
    assert week(closed, 0.6).fallen
    # A shop that stays small is a small shop.
    small = week(Trust(), 0.6)
    looks = next(look for look in range(1, 60) if (small := week(small, 0.6, rate=0.05)).fallen)
    assert 4 < looks < 20


def test_little_difference_needs_many_customers() -> None:
    few = many = Trust()
    for _ in range(6):
        few, many = judged(few, 0.51, 0.5, 1e-3, 0.2), judged(many, 0.51, 0.5, 1e-6, 0.2)
    assert many.fallen and not few.fallen
    assert judged(Trust(), inf, 0.5, 1e-3, 0.2).fallen


def test_cells_are_rolled_forward_under_silence() -> None:
    model = first_version()
    cells = PredictionModel(1, 0, "cells", model.weights, model.cells, model.dropout)
    known = side_by_side(
        [OrderRecord(0, 95, 6, (1.5, 3.0), 1, 6, 9_000), OrderRecord(50, 50, 1, (1.0, 1.0), 1, 1, 900)]
    )
    weekly = cells.chances(known, 100, (7,))[0]
    thirty, ninety = cells.chances(known, 100, (30, 90))
    assert (weekly < thirty).all() and (thirty < ninety).all()
    # Silent customers are in other cells later on.
    assert ninety[0] < 1 - (1 - weekly[0]) ** (90 / 7) - 0.01


def test_a_snapshot_of_an_older_release_has_no_fallback_yet() -> None:
    predictor, _ = played(orders(3), FIRST + 60)
    saved = msgspec.msgpack.decode(pack(predictor))
    *older, trust, _, _, _, _, _, _ = saved
    assert trust["fallen"] is False and trust["usual"] > 0
    for one in older[4]:
        del one["fallback"], one["drifted"]
    found = unpack(msgspec.msgpack.encode(older))
    assert found.state.trust == Trust() and found.weeks == predictor.weeks
