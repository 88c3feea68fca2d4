"""Test reasons for a chance: parts add up, have the right sign, and belong to families that do not conflict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.prediction.features import NAMES
from models.prediction.model import PredictionModel, first_version
from models.prediction.order_record import OrderRecord, side_by_side
from models.prediction.reasons import BASKET, DAYS, FAMILIES, HABIT, NEWNESS, SILENCE, Reasons, log_odds, reasons, worth

DAY = 20_000


def record(*days_ago: int, spend: int = 5_000) -> OrderRecord:
    """Return orders this many days before DAY, oldest first."""
    last = DAY - days_ago[-1]
    quick, slow = (sum(2.0 ** (-(ago - days_ago[-1]) / half) for ago in days_ago) for half in (25, 120))
    return OrderRecord(DAY - days_ago[0], last, len(days_ago), (quick, slow), 1, len(days_ago), spend)


def by_chance(rng: np.random.Generator) -> tuple[PredictionModel, OrderRecord]:
    shipped = first_version()
    weights = tuple((np.array(shipped.weights) + rng.normal(0, 0.4, len(NAMES))).tolist())
    days = sorted({int(ago) for ago in rng.exponential(90, rng.integers(1, 30)) + 1}, reverse=True)
    days = [ago for ago in days if ago < 900]
    days = days if days[-1] <= 365 else [*days, int(rng.integers(1, 365))]
    return replace(shipped, weights=weights, form=str(rng.choice(["hazard", "cells"]))), record(*days)


def sums(found: Reasons) -> float:
    return log_odds(found.ordinary) + sum(found.parts.values())


def test_parts_add_up_for_a_thousand_customers_of_as_many_versions() -> None:
    rng = np.random.default_rng(1)
    for _ in range(1_000):
        model, known = by_chance(rng)
        found = reasons(model, known, DAY)
        # A customer's own basket moves the chance as its weight implies, and is its family's part.
        assert (found.parts.get(BASKET, 0.0) != 0) == (model.form == "hazard")
        assert found.chance == model.chances(side_by_side([known]), DAY, (DAYS,))[0, 0]
        assert sums(found) == pytest.approx(log_odds(found.chance), abs=1e-6)


def test_every_feature_is_in_one_family() -> None:
    assert sorted(name for names in FAMILIES.values() for name in names) == sorted(set(NAMES) - {"level"})


def test_silence_lowers_and_habit_raises() -> None:
    model = first_version()
    regular = reasons(model, record(*range(170, 1, -14)), DAY)
    assert regular.chance > regular.ordinary and regular.parts[HABIT] > 0.5
    silent = reasons(model, record(*range(470, 301, -14)), DAY)
    assert silent.chance < silent.ordinary and silent.parts[SILENCE] < -1
    assert min(silent.parts, key=lambda family: silent.parts[family]) == SILENCE
    new = reasons(model, record(3), DAY)
    assert set(new.parts) == {SILENCE, HABIT, NEWNESS, BASKET} and new.parts[NEWNESS] != 0


def test_an_ordinary_customer_has_no_reasons() -> None:
    model = first_version()
    known = record(120, 82, 44, spend=3 * round(model.usual_basket))
    found = reasons(model, known, DAY)
    assert found.chance == pytest.approx(found.ordinary, abs=0.002)
    assert all(abs(part) < 0.02 for part in found.parts.values())


def test_the_cells_know_silence_and_habit_only() -> None:
    model = replace(first_version(), form="cells")
    found = reasons(model, record(400, 300, 200), DAY)
    assert set(found.parts) == {SILENCE, HABIT} and found.parts[SILENCE] < 0
    assert sums(found) == pytest.approx(log_odds(found.chance), abs=1e-12)


def test_money_is_orders_times_basket() -> None:
    model = first_version()
    known = record(90, 60, 30, spend=90_000)
    found = worth(model, known, DAY)
    said = model.score(side_by_side([known]), np.array([90_000.0]), DAY, ("expected_spend_90d", "expected_orders_90d"))
    assert round(found.orders * found.basket) == said["expected_spend_90d"][0]
    assert round(found.orders, 3) == said["expected_orders_90d"][0]
    assert found.basket > found.ordinary_basket > 0 and found.ordinary_orders > 0
