"""Drift since the clusters were published: figures for metrics, and when to propose a new frame.

All figures are computed from the panel, where each customer has one vote, never from events, which are autocorrelated
and mostly caused by a few customers. The state is small and plain, and stored in the owner's snapshot; River's ADWIN is
not stored but run again over the remembered weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from models.behaviour.features import NAMES
from models.behaviour.layout import FloatArray
from models.behaviour.moves import Move

ADWIN_DELTA: Final = 0.002
WEEKS: Final = 26
PER_WEEK: Final = 200
"""Distances remembered per week: evenly spaced quantiles of the panel's, shuffled by a fixed stride."""
BOUNCE_DAYS: Final = 30
_BINS: Final = 10
_STRIDE: Final = 77  # coprime to PER_WEEK, so that ADWIN does not read a week in sorted order
ALARM_BOUNCE: Final = 0.2
"""Alarm threshold of the share of moves undone within 30 days; with stable segments it is about 0.05."""
_LEAST_MOVES: Final = 20
ALARM_PSI: Final = 0.25
"""Alarm threshold of a feature's population stability index; .1 is already high, and a season reaches about that."""
ALARM_SHARES: Final = 0.1
"""Alarm threshold of the segments' shares, which vary less: a season reaches .03, a new kind of customer .03 to .08."""


class Drift(msgspec.Struct, array_like=True):
    """The state of drift detection.

    Attributes
    ----------
    borders, shares
        For each feature, the inner decile borders and the shares between them when the frame was fitted.
    weeks
        Distances of panel customers to their centroid, one list per week, newest last; cleared with a new frame or new
        clusters.
    moves
        Moves of panel customers in the last 60 days: day, customer, from, to.
    """

    borders: list[list[float]] = []
    shares: list[list[float]] = []
    weeks: list[list[float]] = []
    moves: list[tuple[int, str, str, str]] = []

    def begin(self, x: FloatArray) -> None:
        """Restart with the features (n, FEATURES) a frame was fitted on."""
        self.borders = np.quantile(x, np.arange(1, _BINS) / _BINS, axis=0).T.tolist()
        self.shares = [_shares(x[:, j], border).tolist() for j, border in enumerate(self.borders)]
        self.weeks = []

    def note_moves(self, moves: Iterable[Move], customer_of: dict[int, str], day: int) -> None:
        """Remember the panel's moves between segments, each once even if the same day is stepped again."""
        noted = {
            (move.day, customer_of[move.row], move.from_id, move.to_id)
            for move in moves
            if move.from_id is not None and move.row in customer_of
        }
        # Sort, because the order of rows differs after a restart.
        self.moves = sorted(move for move in noted.union(self.moves) if move[0] > day - 2 * BOUNCE_DAYS)

    def update(self, x: FloatArray, distances: FloatArray, day: int) -> dict[str, float]:
        """Add this week's features and distances of the panel; return the drift figures.

        Returns
        -------
        dict[str, float]
            ``adwin`` (1 if this week's distances differ from earlier ones), ``feature_psi`` (largest),
            ``psi_<feature>``, ``distance`` (mean), ``bounce`` (share of the panel's moves undone in 30 days, out of
            ``bounce_moves``).
        """
        figures = {"distance": float(distances.mean()) if len(distances) else 0.0, "bounce": self.bounce(day)}
        figures["bounce_moves"] = float(sum(move[0] <= day - BOUNCE_DAYS for move in self.moves))
        if self.borders and len(x):
            for j, name in enumerate(NAMES):
                figures[f"psi_{name}"] = _index(self.shares[j], _shares(x[:, j], self.borders[j]))
            figures["feature_psi"] = max(figures[f"psi_{name}"] for name in NAMES)
        if len(distances):
            points = np.quantile(distances, (np.arange(PER_WEEK) + 0.5) / PER_WEEK)
            self.weeks = [*self.weeks, points[np.arange(PER_WEEK) * _STRIDE % PER_WEEK].tolist()][-WEEKS:]
            figures["adwin"] = float(_changed_in_the_last(self.weeks))
        return figures

    def bounce(self, day: int) -> float:
        """Return the share of the moves from 60 to 30 days ago that were undone within 30 days."""
        old = [move for move in self.moves if move[0] <= day - BOUNCE_DAYS]
        back = sum(
            any(
                customer == other and origin == to and at < later <= at + BOUNCE_DAYS
                for later, other, _, to in self.moves
            )
            for at, customer, origin, _ in old
        )
        return back / len(old) if old else 0.0


def alarms_of(figures: Mapping[str, float]) -> tuple[str, ...]:
    """Return the figures that call for a new frame; empty for an unchanged shop.

    Causes: ADWIN detects different distances, a feature has another distribution (``psi_<feature>``), the shares of
    segments changed, or too many moves are undone.
    """
    found = ["adwin"] if figures.get("adwin", 0.0) > 0 else []
    found += [f"psi_{name}" for name in NAMES if figures.get(f"psi_{name}", 0.0) >= ALARM_PSI]
    if figures.get("share_psi", 0.0) >= ALARM_SHARES:
        found.append("share_psi")
    if figures.get("bounce", 0.0) >= ALARM_BOUNCE and figures.get("bounce_moves", 0.0) >= _LEAST_MOVES:
        found.append("bounce")
    return tuple(found)


def _shares(values: FloatArray, borders: Sequence[float]) -> FloatArray:
    return np.bincount(np.searchsorted(borders, values, side="right"), minlength=_BINS) / max(len(values), 1)


def _index(born: Sequence[float], now: FloatArray) -> float:
    """Return the population stability index."""
    before, after = np.maximum(born, 1e-3), np.maximum(now, 1e-3)
    return float(((after - before) * np.log(after / before)).sum())


def _changed_in_the_last(weeks: Sequence[Sequence[float]]) -> bool:
    """Return whether River's ADWIN (Bifet & Gavalda, SDM 2007) detects a change in the newest week."""
    from river import drift  # takes seconds to import, and only the owner needs it

    adwin: Any = drift.ADWIN
    detector = adwin(delta=ADWIN_DELTA)
    for number, week in enumerate(weeks):
        for value in week:
            detector.update(value)
            if number == len(weeks) - 1 and detector.drift_detected:
                return True
    return False
