"""Test the recursion as River estimators: River's own checks, pipelines, progressive figures, and drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from prediction_world import FIRST, played, shop_orders
from river import base, checks, compose, drift, evaluate, linear_model, metrics, preprocessing, stream

from models.behaviour.layout import FloatArray
from models.prediction.estimators import RecursiveClassifier, RecursiveRegressor
from models.prediction.features import NAMES
from models.prediction.judge import auc, losses
from models.prediction.predictor import Predictor
from models.prediction.prior import shipped
from models.prediction.recursion import Belief, forgotten, learned

# River's constructors are not typed.
measures: Any = metrics
drifts: Any = drift
progressive: Any = evaluate.progressive_val_score
ESTIMATORS = (
    RecursiveClassifier(),
    RecursiveClassifier(half_life=50.0),
    RecursiveRegressor(),
    RecursiveRegressor(half_life=50.0),
)


def cases() -> list[Any]:
    return [
        pytest.param(model, check, id=f"{type(model).__name__}-{model.half_life:g}-{check.__name__}")
        for model in ESTIMATORS
        for check in checks.yield_checks(model)
    ]


@pytest.mark.parametrize(("model", "check"), cases())
def test_rivers_checks(model: Any, check: Any) -> None:
    check(model.clone())


@pytest.mark.parametrize("model", ESTIMATORS, ids=lambda model: f"{type(model).__name__}-{model.half_life:g}")
def test_rivers_check_of_an_estimator(model: Any) -> None:
    checks.check_estimator(model)
    assert isinstance(model, base.Classifier | base.Regressor)


def answers(seed: int = 1) -> list[tuple[dict[str, float], bool]]:
    """Return what a predictor asked and the outcome, week by week."""
    found: list[tuple[dict[str, float], bool]] = []

    def note(day: int, predictor: Predictor) -> None:
        for one in predictor.closed:
            if one.day + 9 == day:
                x = asked[one.day]
                found.extend(
                    (dict(zip(NAMES[1:], row[1:], strict=True)), bool(came))
                    for row, came in zip(x.T.tolist(), one.came.tolist(), strict=True)
                )
        asked.update({one.day: one.x for one in predictor.open})

    asked: dict[int, FloatArray] = {}
    played(shop_orders("stationary", seed, 200), FIRST + 250, each=note)
    return found


def test_row_by_row_it_learns_what_the_recursion_does() -> None:
    rows = answers()[:300]
    prior = dict(zip(NAMES, shipped().mean.tolist(), strict=True))
    model = RecursiveClassifier(half_life=90.0, prior=prior)
    belief = before = Belief.around(shipped().mean)
    for x, came in rows:
        model.learn_one(x, came)
        row = np.array([1.0, *x.values()])[:, None]
        belief = learned(forgotten(belief, before, 1.0, 90.0), row, np.array([float(came)]))
    assert list(model.weights) == list(NAMES)
    assert list(model.weights.values()) == pytest.approx(belief.mean.tolist(), abs=1e-9)


def test_in_a_pipeline_it_foresees_a_shop_and_rivers_progressive_figures_agree_with_ours() -> None:
    rows = answers()
    assert len(rows) > 1_500
    figures: Any = measures.ROCAUC(n_thresholds=200) + measures.LogLoss()
    model = preprocessing.StandardScaler() | RecursiveClassifier()
    said: list[float] = []
    for x, came in rows:
        chance = model.predict_proba_one(x)
        said.append(chance[True])
        figures.update(came, chance)
        model.learn_one(x, came)
    chances, came_all = np.array(said), np.array([float(came) for _, came in rows])
    rank, loss = (one.get() for one in figures)
    assert rank == pytest.approx(auc(chances, came_all), abs=0.005) and rank > 0.6
    # River clips chances closer to 0 and 1 than ours.
    assert loss == pytest.approx(losses(chances, came_all).mean(), abs=1e-3)
    # Better than always predicting the base rate, and than River's own without a tuned learning rate.
    base_rate = np.full(len(rows), came_all.mean())
    assert loss < losses(base_rate, came_all).mean()
    rivers = progressive(
        iter(rows), preprocessing.StandardScaler() | linear_model.LogisticRegression(), measures.LogLoss()
    )
    assert loss <= rivers.get() + 0.002


def test_the_regressor_learns_money_in_a_pipeline() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, [1.0, 20.0], (600, 2))
    y = 3.0 + 0.5 * x[:, 0] - 0.02 * x[:, 1] + rng.normal(0, 0.1, 600)
    model = compose.Pipeline(preprocessing.StandardScaler(), RecursiveRegressor(precision=1.0))
    found = progressive(
        (({"a": a, "b": b}, value) for (a, b), value in zip(x.tolist(), y.tolist(), strict=True)), model, measures.MAE()
    )
    assert found.get() < 0.15


def test_it_forgets_and_rivers_adwin_hears_the_drift_that_made_it() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 4_000)
    turned = np.where(np.arange(4_000) < 2_000, 2.0, -2.0)
    came = rng.random(4_000) < 1 / (1 + np.exp(-turned * x))
    keeps, forgets = RecursiveClassifier(), RecursiveClassifier(half_life=200.0)
    adwin: Any = drifts.ADWIN()
    heard, late = [], {"keeps": 0.0, "forgets": 0.0}
    for at, (value, answer) in enumerate(zip(x.tolist(), came.tolist(), strict=True)):
        row = {"x": value}
        chance = forgets.predict_proba_one(row)[True]
        adwin.update(float((chance > 0.5) != answer))
        if adwin.drift_detected:
            heard.append(at)
        if at >= 3_000:
            late["keeps"] += float(losses(np.array([keeps.predict_proba_one(row)[True]]), np.array([float(answer)]))[0])
            late["forgets"] += float(losses(np.array([chance]), np.array([float(answer)]))[0])
        keeps.learn_one(row, answer)
        forgets.learn_one(row, answer)
    assert heard and min(heard) > 2_000
    assert late["forgets"] < 0.8 * late["keeps"]


def test_a_stream_of_dictionaries_whose_features_come_and_go() -> None:
    model = RecursiveClassifier()
    for x, y in stream.iter_array(np.eye(3)[np.arange(30) % 3], np.arange(30) % 3 == 0):
        model.learn_one({name: value for name, value in x.items() if value}, bool(y))
    assert model.predict_proba_one({0: 1.0})[True] > model.predict_proba_one({1: 1.0})[True]
    assert model.predict_proba_one({"never seen": 5.0}) == model.predict_proba_one({})
