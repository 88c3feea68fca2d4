"""Progressive quality of the weekly probabilities by River's metrics, and calibration drift by River's detector.

Each answer is compared with the prediction made before it was learned. Answers are kept as sums by interval of the
probability, which keeps the state small; River's metrics receive these sums as weighted rows on request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any, Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.judge import losses

INTERVALS: Final = 80
_LEAST, _MOST = -8.0, 4.0
"""Log-odds of the first and the last interval; probabilities beyond them fall into these."""
_COUNT, _LOSS, _SQUARES = range(3)
SUMS: Final = 6
"""Rows of the sums: number, loss and squared error of customers who did not order, then of those who did."""
CHANGE: Final = 1.2
"""Sum of deviations of log(expected / ordered) at which calibration counts as changed; `_DELTA` per week is noise."""
_DELTA: Final = 0.05
_LEAST_WEEKS: Final = 8
_CLIPPED: Final = 0.7
"""Maximum deviation of one week, so that a closed shop alone is not a change."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Metrics over all answers: their number, and the AUC, log loss and Brier score of the probabilities."""

    answers: int
    auc: float
    log_loss: float
    brier: float


def no_answers() -> FloatArray:
    """Return the sums (SUMS, INTERVALS) before the first answer."""
    return np.zeros((SUMS, INTERVALS))


def noted(sums: FloatArray, chances: FloatArray, came: FloatArray) -> FloatArray:
    """Return the sums with more answers added: probabilities (n,) and outcomes (n,), 0 or 1."""
    p = np.clip(chances, 1e-9, 1 - 1e-9)
    place = (np.log(p / (1.0 - p)) - _LEAST) / (_MOST - _LEAST) * INTERVALS
    at = np.clip(place, 0, INTERVALS - 1).astype(np.int64)
    found = sums.copy()
    first = 3 * came.astype(np.int64)
    for row, values in ((_COUNT, np.ones_like(p)), (_LOSS, losses(p, came)), (_SQUARES, (p - came) ** 2)):
        np.add.at(found, (first + row, at), values)
    return found


def progress(sums: FloatArray) -> Progress | None:
    """Return River's `LogLoss`, `ROCAUC` and `MSE` (the Brier score for probabilities); None before the first answer.

    Log loss and Brier score are exact; the AUC treats probabilities in one interval as equal.
    """
    if not sums[_COUNT].sum() + sums[3 + _COUNT].sum():
        return None
    from river import metrics  # takes a second to import

    judges: Any = metrics  # untyped
    area = judges.ROCAUC(n_thresholds=INTERVALS + 1)
    loss, squares = judges.LogLoss(), judges.MSE()
    answers = 0.0
    for came in (False, True):
        for at, (count, lost, square) in enumerate(sums[3 * came : 3 * came + 3].T.tolist()):
            if not count:
                continue
            answers += count
            area.update(came, (at + 0.5) / INTERVALS, count)
            chance = exp(-lost / count)
            loss.update(came, chance if came else 1.0 - chance, count)
            squares.update(float(came), float(came) - sqrt(square / count), count)
    return Progress(int(answers), float(area.get()), float(loss.get()), float(squares.get()))


def calibration_changed(weeks: Iterable[tuple[float, int]]) -> bool:
    """Return whether River's `PageHinkley` detects a change of calibration in the last of these weeks.

    Parameters
    ----------
    weeks
        Expected and actual number of buyers, oldest first.
    """
    from river import drift

    detector: Any = drift.PageHinkley(min_instances=_LEAST_WEEKS, delta=_DELTA, threshold=CHANGE, alpha=1.0)
    for expected, buyers in weeks:
        deviation = log((expected + 1.0) / (buyers + 1.0))
        detector.update(max(-_CLIPPED, min(_CLIPPED, deviation)))
    return bool(detector.drift_detected)
