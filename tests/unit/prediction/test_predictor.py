"""Test what the owner learns about predictions: asked and answered by data days, without leaks, and equal after a restart."""

from __future__ import annotations

import os
import time

import msgspec
import numpy as np
import pytest
from prediction_world import CUSTOMERS, DAYS, FIRST, orders, played, told

from models.behaviour.panel import PanelRow, in_panel
from models.prediction.model import PredictionModel
from models.prediction.order_record import OrderRecord
from models.prediction.predictor import Closed, Predictor, Question
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


@pytest.mark.parametrize("seed", range(int(os.environ.get("LEAK_HISTORIES", "12"))))
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
    # Questions of days up to `day`, as of the day after: asked, and not yet answered.
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
    assert all(len(closed.customers) == len(closed.came) for closed in predictor.closed)
    assert predictor.closed and all(gone not in closed.customers for closed in predictor.closed)


def test_a_sparser_panel_forgets_everybody_outside_of_it_and_soon() -> None:
    predictor = Predictor()
    names = [f"c{i}" for i in range(20_000)]
    predictor.members = {name: [(FIRST, OrderRecord(FIRST, FIRST, 1, (1.0, 1.0), 1, 1, 100))] for name in names}
    predictor.open = [Question(FIRST + 7 * week, [*names], np.zeros((18, 20_000)), np.zeros(20_000)) for week in (1, 2)]
    predictor.closed = [Closed(FIRST, [*names], np.zeros(20_000))]
    begun = time.process_time()
    predictor.set_shift(2)
    assert time.process_time() - begun < 2.0, "it takes as long as there are customers, not as the square of that"
    stay = [name for name in names if in_panel(name, 2)]
    assert 4_000 < len(stay) < 6_000 and list(predictor.members) == stay
    assert [one.customers for one in predictor.open] + [one.customers for one in predictor.closed] == [stay] * 3


def test_answers_that_late_records_change_are_counted_and_not_learned_again() -> None:
    history = orders(5)
    usual, _ = played(history, FIRST + 150)
    asked = FIRST + 91
    active = {f"c{who}" for day, who in history if asked + 20 <= day <= asked + 45}
    assert usual.state.checked > 0 and usual.state.revised == 0

    def late(day: int, predictor: Predictor) -> None:
        if day != asked + 20:
            return
        [closed] = [one for one in predictor.closed if one.day == asked]
        answers = [pair for pair in zip(closed.customers, closed.came, strict=True) if pair[0] not in active]
        stayed, came = ([one for one, came in answers if came == wanted][:2] for wanted in (0.0, 1.0))
        assert len(stayed) == len(came) == 2
        for customer in stayed:
            last = OrderRecord(FIRST, asked + 2, 2, (1.0, 1.0), 1, 2, 100)
            predictor.observe(PanelRow(customer, day, b"x", msgspec.Raw(last.packed)))
        for customer in came:
            predictor.observe(PanelRow(customer, day, b"x"))

    changed, _ = played(history, FIRST + 150, each=late)
    # A customer who never returned is absent from the adjacent weeks too.
    assert changed.state.revised >= 4 and 0 < changed.state.checked <= usual.state.checked
    before = [week for week in usual.weeks if week.day <= asked]
    assert [week for week in changed.weeks if week.day <= asked] == before
    again = unpack(pack(changed))
    assert (again.state.checked, again.state.revised) == (changed.state.checked, changed.state.revised)
    assert pack(again) == pack(changed)


def test_whose_only_order_was_taken_back_never_came() -> None:
    predictor, _ = played(orders(4), FIRST + 100)
    question = predictor.open[0]
    customer = next(one for one in question.customers if predictor.members[one][-1][0] < question.day)
    predictor.observe(PanelRow(customer, question.day + 1, b"x"))
    assert customer not in predictor.members and customer in question.customers
