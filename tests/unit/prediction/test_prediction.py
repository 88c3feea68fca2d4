"""Test the weekly hazard: records, features under inactivity, consistent horizons, the recursion, and no look-ahead."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.behaviour.bucket import B_ORDERS, B_WIDTH
from models.behaviour.layout import FloatArray
from models.prediction.features import NAMES, features, total
from models.prediction.hazard import reached, weekly, window, within
from models.prediction.judge import auc, judge
from models.prediction.model import first_version
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.prior import shipped, shipped_dropout
from models.prediction.records import Records
from models.prediction.recursion import Belief, forgotten, learned, refit
from streamer.evaluate.activity import Activity
from streamer.evaluate.predictions import Orders, answers, beliefs, panel_of
from streamer.evaluate.prior import learn

DAYS, CUSTOMERS = 200, 60


def shop(seed: int) -> Activity:
    """Return customers who order by chance, each at an individual rate; one of them never."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 0.04, CUSTOMERS)
    rates[0] = 0.0
    day, customer = np.nonzero(rng.random((DAYS, CUSTOMERS)) < rates)
    buckets = np.zeros((len(day), B_WIDTH))
    buckets[:, B_ORDERS] = 1.0
    names = [f"c{i}" for i in range(CUSTOMERS)]
    met = np.full(CUSTOMERS, DAYS)
    np.minimum.at(met, customer, day)
    return Activity(names, 19_000, DAYS, day, customer, buckets, np.bincount(day, minlength=DAYS), met)


def records(seed: int = 1, day: int = 150) -> Records:
    found = Orders(shop(seed)).records(day)
    return found.of(np.flatnonzero(found.orders > 0))


def test_a_record_counts_order_days_and_fades() -> None:
    found = Records.empty(2)
    found.note(10, np.array([0]))
    found.note(35, np.array([0]))
    assert (found.first[0], found.last[0], found.orders[0], found.orders[1]) == (10, 35, 2, 0)
    assert found.fading[0, 0] == pytest.approx(1.5)
    assert found.fading[1, 0] == pytest.approx(1 + 2 ** (-25 / 120))


def test_silence_is_known_in_advance_and_nobody_depends_on_company() -> None:
    known = records()
    assert np.array_equal(features(known, 150, 21), features(known, 171))
    x = features(known, 150)
    assert x.shape == (len(NAMES), len(known.last)) and np.isfinite(x).all()
    weights = shipped().mean
    alone = [total(weights, features(known.of(np.array([i])), 150))[0] for i in range(len(known.last))]
    assert total(weights, x).tolist() == alone


def test_horizons_agree_with_each_other() -> None:
    known, weights = records(), shipped().mean
    assert within(weights, known, 150, 7) == pytest.approx(weekly(weights, known, 150))
    chances = [within(weights, known, 150, days) for days in (1, 7, 30, 60, 90, 182)]
    for fewer, more in pairwise(chances):
        assert (fewer > 0).all() and (fewer <= more).all() and (more < 1).all()
    starts = np.arange(0, 189, 7)
    early, late = window(reached(weights, known, 150, starts.tolist()), starts)
    assert (early > 0).all() and (early < late).all() and (late <= 182).all()
    half = within(weights, known, 150, 182) * 0.25
    for i in range(len(early)):
        at = int(early[i] // 7) * 7
        one = known.of(np.array([i]))
        assert within(weights, one, 150, at)[0] <= half[i] + 1e-12 <= within(weights, one, 150, at + 7)[0] + 2e-12


def batches(weeks: int = 12, customers: int = 300) -> list[tuple[FloatArray, FloatArray]]:
    rng, weights = np.random.default_rng(2), np.array([-1.0, 0.8, -0.5])
    found = []
    for _ in range(weeks):
        x = np.vstack([np.ones(customers), rng.normal(0, 1, (2, customers))])
        found.append((x, (rng.random(customers) < 1 / (1 + np.exp(-weights @ x))).astype(np.float64)))
    return found


def test_from_a_prior_that_is_about_right_the_recursion_comes_to_the_refit_of_everything() -> None:
    prior = belief = Belief.around(np.array([-0.8, 0.6, -0.4]), 1.0)
    for x, came in batches():
        belief = learned(belief, x, came)
    x, came = np.concatenate([x for x, _ in batches()], axis=1), np.concatenate([came for _, came in batches()])
    whole = refit(prior, x, came)
    assert belief.mean == pytest.approx(whole.mean, abs=0.03)
    assert belief.mean == pytest.approx([-1.0, 0.8, -0.5], abs=0.1)


def test_what_is_never_confirmed_is_forgotten_towards_the_prior() -> None:
    prior = Belief.around(np.array([0.5, 0.0, 0.0]))
    belief = learned(prior, *batches()[0])
    near = [np.abs(forgotten(belief, prior, days).mean - prior.mean).max() for days in (0, 365, 3_650, 36_500)]
    assert forgotten(belief, prior, 0).mean == pytest.approx(belief.mean)
    assert near == sorted(near, reverse=True) and near[-1] < 1e-3


@pytest.mark.parametrize("seed", range(20))
def test_nothing_after_a_day_is_in_questions_or_beliefs_of_that_day(seed: int) -> None:
    activity = shop(seed)
    day = int(np.random.default_rng(seed).integers(60, DAYS - 20))
    # Everything from that day on is removed, and other customers order instead.
    before = activity.day < day
    rng = np.random.default_rng(seed + 100)
    later = np.sort(rng.integers(day, DAYS, 400))
    other = replace(
        activity,
        day=np.concatenate([activity.day[before], later]),
        customer=np.concatenate([activity.customer[before], rng.integers(0, CUSTOMERS, 400)]),
        buckets=np.concatenate([activity.buckets[before], np.ones((400, B_WIDTH))]),
    )
    panel = panel_of(activity.customers)
    asked = [list(answers(Orders(one), panel, day)) for one in (activity, other)]
    for (at, x, came), (same_at, same_x, same_came) in zip(*asked, strict=True):
        assert at == same_at and np.array_equal(x, same_x) and np.array_equal(came, same_came)
    told = [beliefs(Orders(one), panel, day, shipped()) for one in (activity, other)]
    assert len(told[0]) > 3
    for (at, belief), (same_at, same) in zip(*told, strict=True):
        assert at == same_at and belief.mean.tobytes() == same.mean.tobytes()


def test_figures_by_hand() -> None:
    came = np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(np.array([0.1, 0.2, 0.3, 0.4]), came) == 1.0 and auc(np.array([0.4, 0.3, 0.2, 0.1]), came) == 0.0
    assert auc(np.full(4, 0.5), came) == 0.5 and auc(np.arange(4.0), np.zeros(4)) == 0.5
    found = judge(np.array([0.25, 0.25, 0.75, 0.75]), came)
    assert found.brier == pytest.approx(0.0625) and found.ece == pytest.approx(0.25)
    assert found.log_loss == pytest.approx(-np.log(0.75)) and found.ratio == pytest.approx(1.0)
    assert found.lift == pytest.approx(2.0)


def test_the_shipped_prior_is_what_the_simulated_shop_teaches() -> None:
    again = learn()
    assert list(again["weights"]) == list(NAMES)
    assert list(again["weights"].values()) == pytest.approx(shipped().mean.tolist(), abs=2e-4)
    dropout, cells = shipped_dropout()
    assert again["dropout"] == pytest.approx(dropout.values, rel=0.01)
    assert again["cells"] == pytest.approx(list(cells), abs=2e-4)


def test_of_a_till_that_fell_silent_no_order_is_expected() -> None:
    till = side_by_side([OrderRecord(0, 60, 60, (20.0, 40.0), 1, 5_000, 900_000)])
    assert (
        first_version().score(till, np.array([900_000.0]), 420, ("expected_orders_90d",))["expected_orders_90d"] == 0.0
    )
