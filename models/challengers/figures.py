"""Metrics of predicted probabilities against outcomes, with bootstrap intervals over customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.judge import judge, losses

DRAWS: Final = 300
_GAIN_DRAWS: Final = 2_000
_SEED: Final = 20
LEVEL: Final = 0.95
NAMES: Final = ("auc", "brier", "log_loss", "lift", "accuracy", "precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds of its 95 % bootstrap interval."""

    estimate: float
    low: float
    high: float


def figures(chances: FloatArray, came: FloatArray, border: float) -> dict[str, float]:
    """Return the metrics NAMES for probabilities (n,) and outcomes (n,), 0 or 1.

    A customer counts as predicted to order from a probability of ``border`` on.
    """
    found, said = judge(chances, came), chances >= border
    right = float(came[said].sum())
    precision, recall = right / max(float(said.sum()), 1.0), right / max(float(came.sum()), 1.0)
    return {
        "auc": found.auc,
        "brier": found.brier,
        "log_loss": found.log_loss,
        "lift": found.lift,
        "accuracy": float((said == (came > 0)).mean()),
        "precision": precision,
        "recall": recall,
        "f1": 2.0 * precision * recall / max(precision + recall, 1e-12),
    }


def with_intervals(chances: FloatArray, came: FloatArray, border: float, draws: int = DRAWS) -> dict[str, Interval]:
    """Return the metrics with bootstrap intervals.

    All calls with the same number of customers draw the same samples, so their rows can be compared.
    """
    rng, n = np.random.default_rng(_SEED), len(came)
    drawn = [figures(chances[some], came[some], border) for some in (rng.integers(0, n, n) for _ in range(draws))]
    whole = figures(chances, came, border)
    return {name: _interval(whole[name], np.array([one[name] for one in drawn])) for name in NAMES}


def gain(live: FloatArray, other: FloatArray, came: FloatArray) -> Interval:
    """Return the reduction of log loss by ``other`` on the same customers; positive is better."""
    better = losses(live, came) - losses(other, came)
    rng, n = np.random.default_rng(_SEED), len(came)
    means = np.array([float(better[rng.integers(0, n, n)].mean()) for _ in range(_GAIN_DRAWS)])
    return _interval(float(better.mean()), means)


def to_dict(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    """Return the estimate, low and high of each metric as JSON values, rounded to four decimals."""
    return {name: [round(v, 4) for v in (one.estimate, one.low, one.high)] for name, one in intervals.items()}


def _interval(estimate: float, draws: FloatArray) -> Interval:
    low, high = np.quantile(draws, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]).tolist()
    return Interval(estimate, low, high)
