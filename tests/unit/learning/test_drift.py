"""Test drift: no alarm while nothing changes, and one when something does."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from models.behaviour.layout import FEATURES
from models.behaviour.moves import Move
from models.learning.drift import Drift, alarms_of

RNG = np.random.default_rng(5)


def move(row: int, day: int, origin: str | None, to: str) -> Move:
    return Move(row, day, origin, to, 1, "event", "position", 0.0, 1.0, (), {})


def weeks(drift: Drift, count: int, scale: float, shift: float) -> list[dict[str, float]]:
    found = []
    for number in range(count):
        x = RNG.normal(shift, 1, (1_000, FEATURES))
        found.append(drift.update(x, np.abs(RNG.normal(0, scale, 1_000)) + 1, 100 + 7 * number))
    return found


def test_a_year_without_change_raises_no_alarm() -> None:
    drift = Drift()
    drift.begin(RNG.normal(0, 1, (1_000, FEATURES)))
    assert not any(alarms_of(figures) for figures in weeks(drift, 52, 1.0, 0.0))


def test_customers_farther_from_their_centroids_are_noticed() -> None:
    drift = Drift()
    drift.begin(RNG.normal(0, 1, (1_000, FEATURES)))
    weeks(drift, 10, 1.0, 0.0)
    assert any(figures["adwin"] for figures in weeks(drift, 4, 1.6, 0.0))


def test_features_that_moved_are_noticed_and_a_new_frame_starts_afresh() -> None:
    drift = Drift()
    drift.begin(RNG.normal(0, 1, (1_000, FEATURES)))
    found = weeks(drift, 1, 1.0, 0.8)[0]
    assert found["feature_psi"] > 0.25 and alarms_of(found)
    drift.begin(RNG.normal(0.8, 1, (1_000, FEATURES)))
    assert not alarms_of(weeks(drift, 1, 1.0, 0.8)[0])


def test_the_index_by_hand() -> None:
    drift = Drift()
    values = np.repeat(np.arange(10.0), 10)[:, None] * np.ones(FEATURES)
    drift.begin(values)
    assert drift.update(values, np.ones(100), 1)["feature_psi"] == pytest.approx(0)
    # All in the uppermost tenth: nine shares of .1 fall to nothing (.001 for the logarithm), one rises to 1.
    expected = 9 * (0.001 - 0.1) * np.log(0.001 / 0.1) + 0.9 * np.log(10)
    assert drift.update(np.full((50, FEATURES), 9.0), np.ones(50), 8)["psi_orders"] == pytest.approx(expected)


def test_bounce_counts_only_moves_whose_month_is_over() -> None:
    drift = Drift()
    people = {1: "a", 2: "b", 3: "c", 4: "d"}
    there = [move(row, 100, "x", "y") for row in (1, 2, 3)] + [move(4, 140, "x", "y")]
    back = [move(1, 120, "y", "x"), move(2, 131, "y", "x"), move(9, 105, "y", "x"), move(1, 101, None, "x")]
    drift.note_moves(there + back, people, 140)
    # Of a, b and c, only a was back within 30 days; d's month is not over.
    assert drift.bounce(140) == pytest.approx(1 / 3)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(drift), type=Drift) == drift


def test_a_move_counts_once_and_in_an_order_of_its_own() -> None:
    """A customer whose row is late is stepped over the same days again, and rows differ after a restart."""
    moves = [move(1, 100, "x", "y"), move(2, 100, "x", "y"), move(1, 120, "y", "x")]
    one, other = Drift(), Drift()
    one.note_moves(moves, {1: "a", 2: "b"}, 120)
    for part in (moves[1:], moves):
        other.note_moves([msgspec.structs.replace(m, row=3 - m.row) for m in part], {2: "a", 1: "b"}, 120)
    assert one == other and len(one.moves) == 3 and one.bounce(140) == pytest.approx(1 / 2)


def test_each_figure_that_alarms_says_so() -> None:
    assert alarms_of({"adwin": 1.0, "psi_basket": 0.3, "psi_orders": 0.2}) == ("adwin", "psi_basket")
    assert alarms_of({"share_psi": 0.12}) == ("share_psi",)
    assert alarms_of({"bounce": 0.3, "bounce_moves": 30.0}) == ("bounce",)
    assert alarms_of({"bounce": 0.3, "bounce_moves": 5.0}) == ()
