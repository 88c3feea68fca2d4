"""What the owner learns of predictions: asked and answered by days of the data, without a leak, and after a restart alike."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_world import CUSTOMERS, DAYS, FIRST, orders, played, told

from models.behaviour.panel import PanelRow
from models.prediction.model import PredictionModel
from models.prediction.predictor import Predictor
from models.prediction.predictor_snapshot import pack, unpack
from schemas.errors import InvariantViolation


def test_it_learns_weekly_and_publishes_what_says_something_else() -> None:
    predictor, versions = played(orders(1), FIRST + DAYS)
    assert len(predictor.weeks) >= 25 and 1 <= len(versions) < len(predictor.weeks)
    assert [version.version for version in versions] == [*range(1, len(versions) + 1)]
    late = predictor.weeks[-10:]
    expected, buyers = sum(week.expected for week in late), sum(week.buyers for week in late)
    assert 0.75 < expected / buyers < 1.33
    assert np.mean([week.auc for week in late]) > 0.6
    assert PredictionModel.from_dict(versions[-1].to_dict()) == versions[-1]


def test_a_restart_changes_nothing() -> None:
    usual, versions = played(orders(2), FIRST + 120)
    again, the_same = played(orders(2), FIRST + 120, restarts=True)
    assert pack(again) == pack(usual) and the_same == versions
    with pytest.raises(InvariantViolation):
        unpack(b"\x93")


def test_looking_seldom_learns_the_same() -> None:
    history = orders(3)
    daily, _ = played(history, FIRST + 120)
    seldom = Predictor()
    for day, row in told(history):
        if day <= FIRST + 120:
            seldom.observe(row)
    seldom.learn(FIRST + 120)
    assert np.array_equal(seldom.state.belief.mean, daily.state.belief.mean)
    assert [week.buyers for week in seldom.weeks] == [week.buyers for week in daily.weeks]


@pytest.mark.parametrize("seed", range(12))
def test_nothing_of_a_later_day_is_in_a_question_or_in_a_version(seed: int) -> None:
    """Every later order is removed, doubled or moved: what was asked and published before stays, bit for bit."""
    history, rng = orders(seed), np.random.default_rng(seed)
    day = FIRST + int(rng.integers(40, 150))
    other = [one for one in history if one[0] < day]
    for at, who in history:
        if at >= day:
            other += [[], [(at, who)] * 2, [(at + int(rng.integers(0, 9)), int(rng.integers(CUSTOMERS)))]][
                rng.integers(3)
            ]
    other = sorted(dict.fromkeys(other))
    until = FIRST + DAYS
    (one, versions), (two, others) = played(history, until), played(other, until)
    assert [v for v in versions if v.made_on <= day] == [v for v in others if v.made_on <= day]
    # Questions of days up to `day` as they stood the day after: asked, and not yet answered.
    before, _ = played(history, day + 1)
    changed, _ = played(other, day + 1)
    assert len(before.open) == len(changed.open) > 0
    for asked, again in zip(before.open, changed.open, strict=True):
        assert (asked.day, asked.customers) == (again.day, again.customers)
        assert np.array_equal(asked.x, again.x) and np.array_equal(asked.cells, again.cells)
    assert [week for week in one.weeks if week.day + 8 <= day] == [week for week in two.weeks if week.day + 8 <= day]


def test_who_is_gone_is_in_no_question() -> None:
    predictor, _ = played(orders(4), FIRST + 100)
    gone = predictor.open[0].customers[3]
    size = len(predictor.open[0].customers)
    predictor.observe(PanelRow(gone, 0, b""))
    assert gone.encode() not in pack(predictor)
    question = predictor.open[0]
    assert len(question.customers) == question.x.shape[1] == len(question.cells) == size - 1


def test_whose_only_order_was_taken_back_never_came() -> None:
    predictor, _ = played(orders(4), FIRST + 100)
    question = predictor.open[0]
    customer = next(one for one in question.customers if predictor.members[one][-1][0] < question.day)
    predictor.observe(PanelRow(customer, question.day + 1, b"x"))
    assert customer not in predictor.members and customer in question.customers
