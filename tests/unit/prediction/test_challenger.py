"""Test an approved challenger: its products in versions and reasons, and how the owner continues from it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from prediction_world import FIRST, orders, played

from models.prediction import predictor as owner
from models.prediction.challenger import Challenger, prior_of, widened
from models.prediction.features import NAMES, features
from models.prediction.model import PredictionModel, first_version
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.predictor import Predictor
from models.prediction.predictor_snapshot import pack, unpack
from models.prediction.prior import shipped
from models.prediction.products import gradient, weekly_with, with_products
from models.prediction.progress import no_answers
from models.prediction.reasons import log_odds, reasons
from models.prediction.recursion import Belief
from schemas.errors import InvariantViolation

PAIRS = (("age", "orders"), ("recency", "recency"))
DAY = 20_000


@pytest.fixture(autouse=True)
def money_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "fitted", lambda records, spend, day, before: before)


def challenger(*weights: float) -> Challenger:
    belief = widened(shipped(), PAIRS, 200.0)
    return Challenger(PAIRS, Belief(np.concatenate([shipped().mean, weights]), belief.precision))


def records(count: int = 50) -> list[OrderRecord]:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        days = sorted({int(one) for one in rng.exponential(60, rng.integers(1, 12)) + 1}, reverse=True)
        days = days if days[-1] < 360 else [*days, 40]
        quick, slow = (sum(2.0 ** (-(ago - days[-1]) / half) for ago in days) for half in (25, 120))
        found.append(OrderRecord(DAY - days[0], DAY - days[-1], len(days), (quick, slow), 1, len(days), 5_000))
    return found


def model(*weights: float) -> PredictionModel:
    return replace(first_version(), products=tuple(zip(PAIRS, weights, strict=True)))


def test_a_version_with_products_comes_back_and_scores_with_them() -> None:
    made = model(0.2, -0.1)
    assert PredictionModel.from_dict(msgspec.json.decode(msgspec.json.encode(made.to_dict()))) == made
    known = side_by_side(records()).against(made.usual_basket)
    chances = made.chances(known, DAY, (7, 30, 90))
    assert chances[0] == pytest.approx(weekly_with(made.all_weights, PAIRS, known, DAY))
    assert (np.diff(chances, axis=0) > 0).all()
    # With zero weights the result is that of the features alone, and the same for one customer as for many.
    plain = first_version().chances(known, DAY, (30,))
    assert model(0.0, 0.0).chances(known, DAY, (30,)) == pytest.approx(plain, abs=1e-12)
    alone = [made.chances(side_by_side([one]), DAY, (30,))[0, 0] for one in records()]
    assert made.chances(known, DAY, (30,))[0].tolist() == alone


@pytest.mark.parametrize("products", [[["age", "nothing", 0.1]], [["age", "once", "x"]], [["age", 0.1]], [1]])
def test_products_that_no_program_has_are_refused(products: object) -> None:
    with pytest.raises(InvariantViolation):
        PredictionModel.from_dict(first_version().to_dict() | {"products": products})


def test_the_gradient_is_that_of_the_log_odds() -> None:
    x, weights = features(side_by_side(records(5)), DAY), challenger(0.3, -0.2).belief.mean
    step = 1e-6
    for at in range(len(NAMES)):
        moved = x.copy()
        moved[at] += step
        change = weights @ (with_products(moved, PAIRS) - with_products(x, PAIRS)) / step
        assert gradient(weights, PAIRS, x)[at] == pytest.approx(change, abs=1e-4)


def test_reasons_of_products_add_up() -> None:
    made = model(0.2, -0.15)
    without = 0.0
    for one in records():
        found = reasons(made, one, DAY)
        assert log_odds(found.ordinary) + sum(found.parts.values()) == pytest.approx(log_odds(found.chance), abs=1e-6)
        # The part of a family is not merely that of its features: products count with their features.
        without = max(without, abs(found.parts["habit"] - reasons(first_version(), one, DAY).parts["habit"]))
    assert without > 0.1


def test_a_challenger_comes_back_and_nonsense_does_not() -> None:
    made = challenger(0.1, 0.2)
    again = Challenger.from_dict(msgspec.json.decode(msgspec.json.encode(made.to_dict())))
    assert again.pairs == PAIRS and again.belief.mean.tolist() == made.belief.mean.tolist()
    good = made.to_dict()
    # Written before the last feature, the basket, existed.
    stay = np.delete(np.arange(len(good["mean"])), len(NAMES) - 1)
    older = {"mean": np.array(good["mean"])[stay].tolist(), "precision": made.belief.precision[stay][:, stay].tolist()}
    for spoilt in (
        {},
        good | {"products": [["age", "nothing"], ["age", "age"]]},
        good | {"products": [["age", "age"], ["age", "age"]]},
        good | older,
        good | {"mean": good["mean"][1:]},
        good | {"mean": [float("nan"), *good["mean"][1:]]},
        good | {"precision": (-np.array(good["precision"])).tolist()},
        good | {"precision": good["precision"][1:]},
    ):
        with pytest.raises(InvariantViolation):
            Challenger.from_dict(spoilt)


def test_the_owner_goes_on_from_an_approved_challenger() -> None:
    versions: list[PredictionModel] = []

    def approve(day: int, predictor: Predictor) -> None:
        if day == FIRST + 60:
            versions.append(predictor.adopt(challenger(0.05, -0.05), day))

    history = orders(1)
    predictor, learned = played(history, FIRST + 180, restarts=True, each=approve)
    usual, _ = played(history, FIRST + 180)
    first = versions[0]
    assert first.pairs == PAIRS and [weight for _, weight in first.products] == [0.05, -0.05]
    before = [one for one in learned if one.made_on <= FIRST + 60]
    after = [one for one in learned if one.made_on > FIRST + 60]
    assert first.version == len(before) + 1 and [one.version for one in after] == list(
        range(first.version + 1, first.version + 1 + len(after))
    )
    # It keeps learning, including products, and is stored in the snapshot (`restarts`).
    assert predictor.state.pairs == PAIRS and len(predictor.state.belief.mean) == len(NAMES) + 2
    assert predictor.state.belief.mean[-2:].tolist() != [0.05, -0.05]
    assert not np.allclose(predictor.state.belief.mean[: len(NAMES)], usual.state.belief.mean)
    assert predictor.state.weeks_learned == usual.state.weeks_learned
    assert pack(unpack(pack(predictor))) == pack(predictor)


def test_an_approved_challenger_is_published_with_the_baskets_of_the_shop() -> None:
    history = orders(1)
    predictor, _ = played(history, FIRST + 60)
    # As if nothing had been published yet, or only by a release without baskets.
    for before in (first_version(), replace(first_version(), usual_basket=0.0)):
        predictor.state.published = before
        made = predictor.adopt(challenger(0.0, 0.0), FIRST + 60)
        # Customer n pays 20.00 plus n times ten cents for an order.
        means = [2_000 + 10 * who for who in {who for day, who in history if day < FIRST + 60}]
        assert made.usual_basket == pytest.approx(np.median(means))
    assert Predictor().adopt(challenger(0.0, 0.0), FIRST).usual_basket == first_version().usual_basket


def test_a_challenger_that_falls_back_goes_with_its_weights() -> None:
    def approve(day: int, predictor: Predictor) -> None:
        if day == FIRST + 60:
            turned = challenger(0.0, 0.0)
            predictor.adopt(Challenger(PAIRS, Belief(-turned.belief.mean, 1e4 * turned.belief.precision)), day)

    predictor, versions = played(orders(2), FIRST + 190, each=approve)
    assert any(version.form == "cells" for version in versions)
    assert predictor.state.pairs == () and predictor.state.approved == ()
    assert predictor.state.prior.mean.tolist() == shipped().mean.tolist()
    assert predictor.state.belief.mean.shape == (len(NAMES),)
    # The ordinary weights are in force again.
    assert versions[-1].form == "hazard" and versions[-1].products == ()


def test_a_snapshot_of_an_older_release_has_no_challenger() -> None:
    predictor, _ = played(orders(3), FIRST + 60)
    *older, _, _, _ = msgspec.msgpack.decode(pack(predictor))
    predictor.state.sums = no_answers()
    found = unpack(msgspec.msgpack.encode(older))
    assert pack(found) == pack(predictor)
    assert found.state.prior.mean.tolist() == prior_of(()).mean.tolist() == shipped().mean.tolist()


def test_a_snapshot_of_other_products_is_refused() -> None:
    predictor, _ = played(orders(3), FIRST + 30)
    *older, _, _, sums = msgspec.msgpack.decode(pack(predictor))
    with pytest.raises(InvariantViolation, match="features differ"):
        unpack(msgspec.msgpack.encode([*older, [["age", "once"]], [], sums]))
