"""Test folds with a gap, figures with intervals, and when a challenger becomes a proposal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.challengers.figures import NAMES, Interval, figures, gain, to_dict, with_intervals
from models.challengers.folds import expanding
from models.challengers.verdict import verdict
from models.prediction.judge import losses


@given(
    st.lists(st.integers(0, 600), min_size=1, max_size=60, unique=True).map(sorted),
    st.integers(1, 120),
    st.integers(1, 6),
)
def test_no_fold_learns_what_was_unknown_when_it_is_asked(days: list[int], gap: int, folds: int) -> None:
    found = expanding(days, gap, folds)
    assert len(found) <= folds
    for fold in found:
        assert fold.learned and fold.judged
        assert all(days[place] + gap <= days[fold.judged[0]] for place in fold.learned)
        # Everything that was known by then is learned.
        assert fold.learned == tuple(at for at, day in enumerate(days) if day + gap <= days[fold.judged[0]])
    # Every question that can be judged is judged once, in order, and folds only grow.
    judged = [place for fold in found for place in fold.judged]
    assert judged == [place for place, day in enumerate(days) if day >= days[0] + gap]
    for before, after in pairwise(found):
        assert set(before.learned) <= set(after.learned)


def test_figures_at_a_border() -> None:
    chances, came = np.array([0.9, 0.8, 0.4, 0.3, 0.1]), np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    found = figures(chances, came, 0.5)
    assert tuple(found) == NAMES
    assert (found["accuracy"], found["precision"], found["recall"], found["f1"]) == (0.6, 0.5, 0.5, 0.5)
    assert found["auc"] == pytest.approx(5 / 6)
    assert figures(chances, came, 0.3)["recall"] == 1.0
    nobody = figures(chances, came, 0.95)
    assert (nobody["precision"], nobody["recall"], nobody["f1"]) == (0.0, 0.0, 0.0)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(3), 0
    for _ in range(60):
        chances = rng.random(150)
        came = (rng.random(150) < chances).astype(float)
        found = with_intervals(chances, came, 0.5, draws=100)
        # E (p - y)^2 = E p (1 - p) = 1/6 for these chances.
        held += found["brier"].low <= 1 / 6 <= found["brier"].high
        assert all(one.low <= one.estimate + 0.2 and one.low <= one.high for one in found.values())
    assert 51 <= held <= 60
    assert set(to_dict(found)) == set(NAMES)


def test_the_gain_is_paired_by_customer() -> None:
    rng = np.random.default_rng(4)
    chances = rng.random(2_000)
    came = (rng.random(2_000) < chances).astype(float)
    worse = np.clip(chances + rng.normal(0.0, 0.15, 2_000), 0.02, 0.98)
    found = gain(worse, chances, came)
    assert found.estimate == pytest.approx(float((losses(worse, came) - losses(chances, came)).mean()))
    assert 0.0 < found.low < found.estimate < found.high
    back = gain(chances, worse, came)
    assert (back.estimate, back.low) == pytest.approx((-found.estimate, -found.high))
    assert gain(chances, chances, came) == Interval(0.0, 0.0, 0.0)


def test_a_proposal_needs_both_looks_and_a_form_for_lanes() -> None:
    good, level, bad = (Interval(one, one - 0.01, one + 0.01) for one in (0.02, 0.005, -0.02))
    assert verdict([good, good], in_lanes=True) == "proposed"
    assert verdict([good, good], in_lanes=False) == "better, but not for lanes"
    for gains in ([good, level], [level, good], [good, bad], [good], [], [Interval(0.0, 0.0, 0.0)] * 2):
        assert verdict(gains, in_lanes=True) == "not better"
