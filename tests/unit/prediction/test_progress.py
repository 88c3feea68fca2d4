"""Test progressive figures by River's metrics, and calibration drift by River's detector."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from prediction_world import FIRST, orders, played, shop_orders
from river import metrics

from models.prediction.features import NAMES
from models.prediction.model import PredictionModel
from models.prediction.predictor_snapshot import pack, unpack
from models.prediction.progress import calibration_changed, no_answers, noted, progress
from schemas.errors import InvariantViolation


def test_it_is_what_river_says_of_the_single_answers() -> None:
    rng = np.random.default_rng(1)
    sums = no_answers()
    assert progress(sums) is None
    river: Any = metrics
    area, loss, squares = river.RollingROCAUC(window_size=4_000), river.LogLoss(), river.MSE()
    for _ in range(8):
        chances = rng.beta(0.5, 4.0, 500)
        came = (rng.random(500) < chances).astype(np.float64)
        sums = noted(sums, chances, came)
        for chance, one in zip(chances.tolist(), came.tolist(), strict=True):
            area.update(one > 0, chance)
            loss.update(one > 0, chance)
            squares.update(one, chance)
    found = progress(sums)
    assert found is not None and found.answers == 4_000
    assert found.log_loss == pytest.approx(loss.get(), abs=1e-9)
    assert found.brier == pytest.approx(squares.get(), abs=1e-9)
    assert found.auc == pytest.approx(area.get(), abs=2e-3)


def test_chances_of_nought_and_one_are_answers_too() -> None:
    found = progress(noted(no_answers(), np.array([0.0, 1.0, 1e-12]), np.array([0.0, 1.0, 0.0])))
    assert found is not None and found.answers == 3 and found.auc == pytest.approx(1.0)
    assert 0 <= found.log_loss < 1e-6


def test_a_week_counts_once_whenever_it_is_looked_at_and_after_restarts() -> None:
    usual, _ = played(orders(2), FIRST + 120)
    again, _ = played(orders(2), FIRST + 120, restarts=True)
    assert np.array_equal(usual.state.sums, again.state.sums)
    found = progress(again.state.sums)
    assert found is not None and found.answers == sum(week.customers for week in usual.weeks)
    mean = sum(week.customers * week.log_loss for week in usual.weeks) / found.answers
    assert found.log_loss == pytest.approx(mean, abs=1e-9)


def test_a_snapshot_of_an_older_release_begins_to_sum() -> None:
    predictor, _ = played(orders(3), FIRST + 60)
    *older, sums = msgspec.msgpack.decode(pack(predictor))
    assert len(sums) == 6
    for week in older[4]:
        del week["drifted"]
    found = unpack(msgspec.msgpack.encode(older))
    assert found.weeks == predictor.weeks and progress(found.state.sums) is None
    with pytest.raises(InvariantViolation, match="sums of answers"):
        unpack(msgspec.msgpack.encode([*older, sums[:5]]))


@pytest.mark.parametrize("scenario", ["stationary", "lifelike"])
def test_half_the_orders_gone_is_a_change_and_a_healthy_year_is_none(scenario: str) -> None:
    # The border was chosen on seeds 0 to 13.
    heard = 0
    for seed in (21, 22):
        history = shop_orders(scenario, seed, 200)
        healthy, _ = played(history, FIRST + 330)
        assert not any(week.drifted for week in healthy.weeks), seed
        keep = np.random.default_rng(seed).random(len(history)) < 0.5
        half = [one for one, stays in zip(history, keep, strict=True) if one[0] < FIRST + 200 or stays]
        changed, _ = played(half, FIRST + 330)
        days = [week.day for week in changed.weeks if week.drifted]
        assert all(day >= FIRST + 190 for day in days)
        heard += any(day <= FIRST + 200 + 8 * 7 for day in days)
    assert heard >= 1


def test_one_closed_week_is_no_change() -> None:
    quiet = [(50.0, 50)] * 12
    assert not calibration_changed([*quiet, (50.0, 1)])
    assert not calibration_changed([*quiet, (50.0, 1), *quiet[:3]])
    assert any(calibration_changed([*quiet, *[(50.0, 25)] * weeks]) for weeks in range(2, 8))
    assert not calibration_changed([])


def test_a_snapshot_and_a_version_from_before_baskets_go_on() -> None:
    predictor, versions = played(orders(3), FIRST + 60)
    saved = msgspec.msgpack.decode(pack(predictor))
    d = len(NAMES)
    saved[5] = saved[5][:-1]
    saved[6] = np.frombuffer(saved[6]).reshape(d, d)[:-1, :-1].tobytes()
    for asked in saved[3]:
        asked[2] = np.frombuffer(asked[2], dtype="<f4").reshape(d, -1)[:-1].tobytes()
    body = versions[-1].to_dict()
    del body["weights"]["basket"], body["usual_basket"]
    old = PredictionModel.from_dict(body)
    assert old.usual_basket == 0 and old.weights[-1] == 0 and old.weights[:-1] == versions[-1].weights[:-1]
    saved[12] = body
    found = unpack(msgspec.msgpack.encode(saved))
    assert found.state.belief.is_sound and len(found.state.belief.mean) == d
    assert found.state.published == old
    assert np.array_equal(found.state.belief.mean[:-1], predictor.state.belief.mean[:-1])
    found.learn(FIRST + 75)
    assert found.state.belief.is_sound
    assert found.weeks[-1].day > predictor.weeks[-1].day
