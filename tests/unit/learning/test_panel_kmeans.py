"""Run River's own checks on our clusterer. River runs those that need data on no clusterer; here ours passes them all."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from river import base, checks, metrics, preprocessing
from river.checks import common

from models.learning.panel_kmeans import PanelKMeans

CENTRES = np.array([[0.0, 0.0, 3.0, 1.0], [60.0, 0.0, -3.0, 1.0], [0.0, 6.0, 3.0, -9.0]])
ON_DATA = (
    common.check_learn_one,
    common.check_pickling,
    common.check_shuffle_features_no_impact,
    common.check_emerging_features,
    common.check_disappearing_features,
    common.check_radically_disappearing_features,
    common.check_predict_one_pure,
    common.check_predict_one_before_any_learn,
    common.check_no_state_aliasing_with_input,
    common.check_clone_is_independent,
    common.check_seeding_is_idempotent,
    common.check_bounded_memory_growth,
)


def data(n: int = 400) -> list[tuple[dict[Any, Any], int]]:
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, n)
    z = CENTRES[kinds] + rng.normal(0, 0.4, (n, 4))
    return [(dict(zip("abcd", row, strict=True)), kind) for row, kind in zip(z.tolist(), kinds.tolist(), strict=True)]


def small() -> PanelKMeans:
    return PanelKMeans(n_clusters=3, window=60, every=10)


def names(check: Callable[..., None]) -> str:
    return check.__name__


def yielded() -> Iterator[Any]:
    return checks.yield_checks(PanelKMeans())


@pytest.mark.parametrize("check", list(yielded()), ids=names)
def test_it_passes_the_checks_that_river_yields_for_it(check: Any) -> None:
    check(PanelKMeans())
    check(small())


def test_it_passes_rivers_check_of_an_estimator() -> None:
    checks.check_estimator(PanelKMeans())
    checks.check_estimator(small())


@pytest.mark.parametrize("check", ON_DATA, ids=names)
def test_it_passes_the_checks_that_need_data(check: Any) -> None:
    random.seed(1)
    check(small(), data())


def test_behind_a_scaler_it_finds_what_is_there_and_rivers_metric_agrees() -> None:
    model: Any = preprocessing.StandardScaler() | small()
    assert isinstance(model, base.Clusterer)
    adjusted_rand: Any = metrics.AdjustedRand
    agreement = adjusted_rand()
    for at, (x, kind) in enumerate(data()):
        if at >= 100:
            agreement.update(kind, model.predict_one(x))
        model.learn_one(x)
    assert agreement.get() > 0.99


def test_it_forgets_what_left_the_window_and_centres_keep_their_numbers() -> None:
    model = small()
    for x, _ in data(100):
        model.learn_one(x)
    before = {number: center["a"] for number, center in model.centers.items()}
    for x, _ in data(200):
        model.learn_one({**x, "a": x["a"] + 5.0})
    for number, center in model.centers.items():
        assert center["a"] == pytest.approx(before[number] + 5.0, abs=1.0)


def test_a_bad_optimum_is_left_at_the_second_look_and_the_numbers_go_with_the_members() -> None:
    rows = [x for x, _ in data(60)]
    model = small()
    for x in rows[:50]:
        model.learn_one(x)
    good = pickle.loads(pickle.dumps(model))
    # Two centres share a cluster, and one serves two.
    by_kind = sorted(model.centers, key=lambda i: (model.centers[i]["a"], model.centers[i]["b"]))
    model.centers[by_kind[0]] = {**model.centers[by_kind[2]], "a": model.centers[by_kind[2]]["a"] + 0.1}
    kept = by_kind[2]
    for x in [*rows[50:], *rows[:10]]:
        model.learn_one(x)
    found = {number: model.predict_one(good.centers[number]) for number in good.centers}
    assert len(set(found.values())) == 3
    assert found[kept] in (kept, by_kind[0])
