"""Test that the bench simulates the same customers as the service would."""

from __future__ import annotations

import numpy as np
import pytest

from models.behaviour.model import Evidence
from models.learning.learner import LearnerConfig
from schemas.money import Rates
from streamer.core.policy import Policy
from streamer.evaluate import peers
from streamer.evaluate.activity import Activity, of_shop
from streamer.evaluate.bench import play
from streamer.evaluate.files import of_source
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

CONFIG = ShopConfig(customers=60, days=120, seed=3, refunds=0.2)


@pytest.fixture(scope="module")
def columns() -> Activity:
    return of_shop(CONFIG)


def test_columns_and_the_folding_of_events_one_by_one_give_the_same_days(columns: Activity) -> None:
    """Pending reversals, and reversals of reversed orders, are rare enough to leave out of the columns."""
    events = of_source(Shop(CONFIG), Policy(rates=Rates("EUR")))
    assert events.events.sum() == columns.events.sum()
    first = events.first_day - columns.first_day
    place = {customer: at for at, customer in enumerate(columns.customers)}
    found = {
        (day + first, place[events.customers[who]]): row
        for day, who, row in zip(events.day.tolist(), events.customer.tolist(), events.buckets, strict=True)
    }
    expected = dict(
        zip(zip(columns.day.tolist(), columns.customer.tolist(), strict=True), columns.buckets, strict=True)
    )
    assert len(expected) > 1_000
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key] == pytest.approx(row, abs=1e-6), key


def test_evidence_of_the_run_is_that_of_plain_counts(columns: Activity) -> None:
    run = play(columns, LearnerConfig())
    plain = peers.evidence_of(columns, Evidence())
    assert (run.evidence == plain).mean() > 0.999
    assert run.model is None and not run.labels[-1].max() > 1


def test_features_of_peers_forget_with_the_half_life() -> None:
    x = peers.features(of_shop(ShopConfig(customers=20, days=60)))
    assert np.isfinite(x).all() and x.shape[1] == len(peers.KEYS)
