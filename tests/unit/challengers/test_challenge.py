"""Test challengers on shops with a known truth: what a search may see, and who becomes a proposal."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from challenge_world import PLANTED, activity_of, planted

from models.challengers.folds import Fold
from models.challengers.kinds import KINDS, chosen_features
from models.challengers.search import Asked, fitted, importance, search, settings_of
from models.prediction.challenger import Challenger
from models.prediction.features import NAMES
from models.prediction.records import Records
from schemas.errors import UserError
from streamer.evaluate.activity import Activity
from streamer.evaluate.challenge import HAZARD, LIVE, Asking, Challenge, challenge, search_end

DAYS = 420
FEW = (HAZARD, "logistic-l2", "tree")


def silent(text: str) -> None:
    return None


@cache
def played(weight: float) -> tuple[Activity, Challenge]:
    shop = planted(1, 600, DAYS, weight)
    return shop, challenge(shop, Asking(models=FEW), silent)


def of(found: Challenge, name: str) -> object:
    return next(row for row in found.rows if row.name == name)


def test_a_planted_interaction_is_found_and_proposed() -> None:
    _, found = played(-0.7)
    row = next(row for row in found.rows if row.name == HAZARD)
    assert row.verdict == "proposed" and found.proposal is not None
    assert all(one.low > 0 for one in row.gains) and " x ".join(PLANTED) in row.features
    assert found.proposal.pairs == row.pairs and PLANTED in row.pairs
    weight = found.proposal.belief.mean[len(NAMES) + found.proposal.pairs.index(PLANTED)]
    assert weight < -0.1, "with the planted sign"
    assert Challenger.from_dict(found.proposal.to_dict()).to_dict() == found.proposal.to_dict()


def test_a_challenger_that_is_no_better_is_not_proposed() -> None:
    _, found = played(0.0)
    assert found.proposal is None
    assert {row.verdict for row in found.rows if row.name in FEW} == {"not better"}


def test_the_last_days_are_never_searched_on() -> None:
    shop, found = played(-0.7)
    assert found.search_until <= DAYS - 90 and found.search_until == found.looks[0]
    # Everything later is another shop: everybody orders every third day, or nobody ever does.
    before = shop.day < found.search_until
    every = [(day, who) for day in range(found.search_until, DAYS, 3) for who in range(0, 600, 2)]
    day = np.concatenate([shop.day[before], [one for one, _ in every]])
    who = np.concatenate([shop.customer[before], [one for _, one in every]])
    poisoned = challenge(activity_of(day, who, 600, DAYS), Asking(models=FEW), silent)
    for row, other in zip(found.rows, poisoned.rows, strict=True):
        assert (row.params, row.search_loss) == (other.params, other.search_loss)
    assert [row.figures for row in found.rows] != [row.figures for row in poisoned.rows]


def test_the_figures_are_those_of_the_last_look_beside_the_live_model() -> None:
    _, found = played(-0.7)
    assert found.looks == tuple(search_end(DAYS, 90)[1]) and found.rows[0].name == LIVE
    assert [row.name for row in found.rows] == [LIVE, "cells", *FEW]
    for row in found.rows:
        assert row.figures["auc"].low <= row.figures["auc"].estimate <= row.figures["auc"].high
        assert len(row.gains) == (0 if row.name == LIVE else 2) and row.fit_seconds >= 0
    assert found.important[0] in FEW and len(found.important[1]) == 8
    for points in found.calibration.values():
        assert len(points) == 10 and points == sorted(points, key=lambda one: one[0])


def test_a_history_that_is_too_short_is_refused() -> None:
    with pytest.raises(UserError, match="200 days"):
        challenge(planted(1, 100, 200, 0.0), Asking(models=(HAZARD,)), silent)


# -- learners ---------------------------------------------------------------------------------------------------


def questions(seed: int, customers: int = 250, signal: int = 1) -> Asked:
    """Return questions whose answers depend on a single feature."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(NAMES), customers))
    came = (rng.random(customers) < 1 / (1 + np.exp(-2.0 * x[signal]))).astype(float)
    return Asked(seed, x, came, Records.empty(customers))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "stacking"])
def test_every_kind_learns_what_there_is(name: str) -> None:
    kind, later = KINDS[name], questions(9)
    params = settings_of(kind, "grid", 0)[1]
    learner = fitted(kind, params, [questions(1), questions(2)])
    chances = learner.chances(later.x)
    assert chances.shape == later.came.shape and ((chances >= 0) & (chances <= 1)).all()
    # A component mixes features of equal spread at random; all others find the one that counts.
    if name != "pca":
        assert chances[later.came > 0].mean() > chances[later.came == 0].mean() + 0.1
        assert next(iter(importance(learner, later.x, later.came, NAMES))) == NAMES[1]
    again = fitted(kind, params, [questions(1), questions(2)]).chances(later.x)
    assert np.array_equal(chances, again), "no chance from run to run"
    if name in ("filter", "wrapper", "embedded", "logistic-l1"):
        assert NAMES[1] in chosen_features(learner.learner, NAMES)


def test_stacking_learns_from_its_members() -> None:
    kind = KINDS["stacking"]
    learner = fitted(kind, {"C": 1.0}, [questions(1)])
    later = questions(9)
    chances = learner.chances(later.x)
    assert chances[later.came > 0].mean() > chances[later.came == 0].mean() + 0.1


def test_a_search_takes_the_setting_with_the_least_loss() -> None:
    asked = [questions(at) for at in range(3)]
    folds = [Fold((0,), (1,)), Fold((0, 1), (2,))]
    for way in ("grid", "random"):
        found = search(KINDS["logistic-l2"], asked, folds, way, draws=4)
        assert found.log_loss == min(loss for _, loss in found.trials) and len(found.trials) == 4
    drawn = [params["C"] for params in settings_of(KINDS["logistic-l2"], "random", 20)]
    assert len(set(drawn)) == 20 and min(drawn) >= 0.01 and max(drawn) <= 10.0


def test_answers_that_are_all_alike_teach_nothing() -> None:
    one = questions(1)
    nobody = replace(one, came=np.zeros_like(one.came))
    assert fitted(KINDS["tree"], {"max_depth": 3}, [nobody]).chances(one.x).tolist() == [0.5] * len(one.came)
