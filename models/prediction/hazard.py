"""From weights to probabilities: the chance of an order in a week, and of one within any number of days."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.features import features, total
from models.prediction.records import Records

WEEK: Final = 7
_MOST: Final = 30.0


def weekly(weights: FloatArray, records: Records, day: int, silent_days: int = 0) -> FloatArray:
    """Chance (n,) of an order in the seven days from ``day`` on, or in those after ``silent_days`` days of silence."""
    return logistic(total(weights, features(records, day, silent_days)))


def logistic(log_odds: FloatArray) -> FloatArray:
    """Probabilities of log-odds."""
    found: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -_MOST, _MOST)))
    return found


def within(weights: FloatArray, records: Records, day: int, days: int) -> FloatArray:
    """Chance (n,) of an order in [day, day + days): one minus that of silence, week by week.

    Horizons so agree with each other: more days never mean less.
    """
    silent = np.ones(len(records.last))
    for start in range(0, days, WEEK):
        part = min(days - start, WEEK) / WEEK
        silent *= (1.0 - weekly(weights, records, day, start)) ** part
    return 1.0 - silent


def quartiles(weights: FloatArray, records: Records, day: int, days: int = 182) -> FloatArray:
    """Days (2, n) within which the next order falls with a chance of .25 and of .75, given that one comes in ``days``.

    A window, since a date is a promise that nobody can keep. Between two weeks time is taken in proportion.
    """
    starts = np.arange(0, days + WEEK, WEEK)
    reached = np.stack([within(weights, records, day, int(start)) for start in starts])
    share = reached / np.maximum(reached[-1], 1e-12)
    out = np.empty((2, share.shape[1]))
    for row, quantile in enumerate((0.25, 0.75)):
        after = (share < quantile).sum(axis=0).clip(1, len(starts) - 1)
        at = np.arange(share.shape[1])
        below, above = share[after - 1, at], share[after, at]
        out[row] = starts[after - 1] + WEEK * (quantile - below) / np.maximum(above - below, 1e-12)
    return out
