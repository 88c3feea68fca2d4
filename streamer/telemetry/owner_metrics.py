"""Keep the model owner's metrics, updated after every learning run and every decision."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from models.behaviour.features import NAMES
from models.features.time import DayGrid
from models.learning.drift import alarms_of
from models.learning.owner_types import Learned, State
from models.prediction.predictor import Predictor
from models.prediction.progress import progress
from streamer.lanes.ports import WallClock
from streamer.telemetry.lane_metrics import Samples
from streamer.telemetry.metrics import OUTCOMES

_DETECTORS: Final = {
    "adwin": ("adwin", "distance"),
    "share_psi": ("psi", "shares"),
    "bounce": ("bounce", "moves"),
    **{f"psi_{name}": ("psi", name) for name in NAMES},
}
"""Detector and its input, by the alarm's name."""
_GAUGES: Final = {
    "distance": "panel_distance",
    "silhouette": "panel_silhouette_ratio",
    "bounce": "panel_bounce_ratio",
    "share_psi": "segment_share_psi",
    "members": "panel_customers",
}

_DRIFT_WEEKS: Final = 4
"""Number of weeks for which a change of calibration is reported."""


class OwnerMetrics:
    """Figures of one model owner.

    Counters count since the start of this process. Gauges are from the last run that computed them; a run of a young
    shop computes no drift.
    """

    def __init__(self, clock: WallClock, grid: DayGrid) -> None:
        self._clock = clock
        self._grid = grid
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._alarms: Counter[tuple[str, str]] = Counter(dict.fromkeys(_DETECTORS.values(), 0))
        self._figures: dict[str, float] = {}
        self._made_on: int | None = None
        self._version = 0
        self._moves: float | None = None
        self._foreseen: dict[str, float] = {}

    def on_learned(self, day: int, learned: Learned, state: State) -> None:
        """Count a learning run or decision, and store the owner's state after it."""
        with self._lock:
            if learned.outcome in self._outcomes:
                self._outcomes[learned.outcome] += 1
            if learned.figures:
                # Segments may be gone, and their shifts must not remain.
                kept = {name: value for name, value in self._figures.items() if not name.startswith("shift_")}
                self._figures = {**kept, **learned.figures}
            self._alarms.update(_DETECTORS[alarm] for alarm in alarms_of(learned.figures))
            if state.timeline:
                model = state.timeline[-1][1]
                self._made_on, self._version = model.made_on, model.version
            self._moves = None if state.proposal is None else state.proposal.trial.share

    def on_foresaw(self, predictor: Predictor) -> None:
        """Store the latest week's prediction quality and the version in force."""
        state, weeks, so_far = predictor.state, predictor.weeks, progress(predictor.state.sums)
        with self._lock:
            self._foreseen = {
                "prediction_version": float(state.published.version),
                "prediction_fallback": float(state.trust.fallen),
                "prediction_answers_checked_total": float(state.checked),
                "prediction_answers_revised_total": float(state.revised),
            }
            if weeks:
                week = weeks[-1]
                self._foreseen |= {
                    "prediction_auc_ratio": week.auc,
                    "prediction_log_loss": week.log_loss,
                    "prediction_brier_ratio": week.brier,
                    "prediction_calibration_ratio": week.expected / max(week.buyers, 1),
                    "prediction_base_ratio": week.buyers / week.customers,
                    "prediction_skill_ratio": 1.0 - week.log_loss / max(week.cells_log_loss, 1e-12),
                    "prediction_questions": float(week.customers),
                    "prediction_drift": float(any(one.drifted for one in weeks[-_DRIFT_WEEKS:])),
                }
            if so_far is not None:
                self._foreseen |= {
                    "prediction_progressive_auc_ratio": so_far.auc,
                    "prediction_progressive_log_loss": so_far.log_loss,
                    "prediction_progressive_brier_ratio": so_far.brier,
                }

    def samples(self) -> Samples:
        """Return the values of all known metrics of the owner."""
        with self._lock:
            figures, made_on = self._figures.copy(), self._made_on
            out: Samples = {
                "model_refits_total": {(outcome,): float(count) for outcome, count in self._outcomes.items()},
                "drift_detected_total": {where: float(count) for where, count in self._alarms.items()},
                "model_version": {(): float(self._version)},
                "model_proposals_waiting": {(): 0.0 if self._moves is None else 1.0},
            }
            out.update({name: {(): value} for name, value in self._foreseen.items()})
            if self._moves is not None:
                out["model_proposal_moves_ratio"] = {(): self._moves}
        for figure, name in _GAUGES.items():
            if figure in figures:
                out[name] = {(): figures[figure]}
        out["feature_psi"] = {(name,): figures[f"psi_{name}"] for name in NAMES if f"psi_{name}" in figures}
        out["centroid_shift_ratio"] = {
            (name.removeprefix("shift_"),): value for name, value in figures.items() if name.startswith("shift_")
        }
        if made_on is not None:
            age = self._clock.now_ms() - self._grid.instant(made_on)
            out["model_age_seconds"] = {(): max(0.0, age / 1000.0)}
        return out
