from __future__ import annotations

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.decay import LANDMARK, decayed, falls_to, weight

DAY = 86_400_000
HALF = 25.0 * DAY
INSTANTS = st.integers(LANDMARK - 20_000 * DAY, LANDMARK + 5_000 * DAY)


def test_half_is_left_after_a_half_life() -> None:
    stored = 100 * weight(LANDMARK + 40 * DAY, HALF)
    assert decayed(stored, LANDMARK + 40 * DAY, HALF) == pytest.approx(100)
    assert decayed(stored, LANDMARK + 65 * DAY, HALF) == pytest.approx(50)


@given(st.integers(LANDMARK - 3_000 * DAY, LANDMARK + 4_000 * DAY), st.integers(0, 400 * DAY))
def test_equals_decaying_step_by_step(at: int, later: int) -> None:
    assert isclose(decayed(7 * weight(at, HALF), at + later, HALF), 7 * 0.5 ** (later / HALF), rel_tol=1e-9)


@given(INSTANTS, st.floats(5, 400))
def test_weights_stay_finite_from_1965_to_2033(at: int, days: float) -> None:
    assert 0 <= weight(min(at, LANDMARK + 4_700 * DAY), days * DAY) < 1e300


def test_falls_to() -> None:
    stored = 400 * weight(LANDMARK, HALF)
    assert falls_to(stored, 100, HALF) == pytest.approx(LANDMARK + 50 * DAY)
    assert falls_to(stored, 800, HALF) == pytest.approx(LANDMARK - 25 * DAY), "it lay there before"
    assert falls_to(-stored, -100, HALF) == pytest.approx(LANDMARK + 50 * DAY), "debts fade too"
    for sum_, border in ((stored, 0.0), (stored, -1.0), (0.0, 1.0), (-stored, 1.0)):
        assert falls_to(sum_, border, HALF) is None
