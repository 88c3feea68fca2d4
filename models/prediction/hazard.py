"""From weights to probabilities: the chance of an order in a week, and of one within any number of days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.prediction.features import features, total
from models.prediction.records import Records

WEEK: Final = 7
_MOST: Final = 30.0


def weekly(weights: FloatArray, records: Records, day: int | FloatArray, silent_days: int = 0) -> FloatArray:
    """Chance (n,) of an order in the seven days from ``day`` on, or in those after ``silent_days`` days of silence."""
    return logistic(total(weights, features(records, day, silent_days)))


def logistic(log_odds: FloatArray) -> FloatArray:
    """Probabilities of log-odds."""
    found: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -_MOST, _MOST)))
    return found


def within(weights: FloatArray, records: Records, day: int | FloatArray, days: int) -> FloatArray:
    """Chance (n,) of an order in [day, day + days); see `reached`."""
    found: FloatArray = reached(weights, records, day, (days,))[0]
    return found


def reached(weights: FloatArray, records: Records, day: int | FloatArray, horizons: Sequence[int]) -> FloatArray:
    """Chance (horizons, n) of an order within so many days, ascending; see `rolled`."""
    return rolled(partial(weekly, weights), records, day, horizons)


def rolled(
    weekly: Callable[[Records, FloatArray], FloatArray],
    records: Records,
    day: int | FloatArray,
    horizons: Sequence[int],
) -> FloatArray:
    """Chance (horizons, n) of an order within so many days, ascending: one minus that of silence, week by week.

    Horizons so agree with each other: more days never mean less. Only multiplications, one after the other, so that
    nobody's chance depends on who else is asked.

    Parameters
    ----------
    weekly
        Chance of an order in the seven days from a day on, of customers who are silent until then.
    """
    n, weeks = len(records.last), -(-max(horizons) // WEEK)
    # All weeks in one call: for a customer alone that is ten times as fast.
    days_on = np.asarray(day, dtype=np.float64) + WEEK * np.arange(weeks)[:, None] + np.zeros(n)
    chances = weekly(records.repeated(weeks), days_on.ravel()).reshape(weeks, n)
    out = np.empty((len(horizons), n))
    silent = np.ones(n)
    week = 0
    for at, days in enumerate(horizons):
        while (week + 1) * WEEK <= days:
            silent = silent * (1.0 - chances[week])
            week += 1
        rest = days - week * WEEK
        out[at] = 1.0 - (silent * np.exp(np.log1p(-chances[week]) * (rest / WEEK)) if rest else silent)
    return out


def window(reached: FloatArray, starts: IntArray) -> FloatArray:
    """Days (2, n) within which the next order falls with a chance of .25 and of .75, given that one comes by the last of
    ``starts``, from the chances (weeks, n) to have ordered within so many days.

    A window, since a date is a promise that nobody can keep. Between two weeks time is taken in proportion.
    """
    share = reached / np.maximum(reached[-1], 1e-12)
    out = np.empty((2, share.shape[1]))
    for row, quantile in enumerate((0.25, 0.75)):
        after = (share < quantile).sum(axis=0).clip(1, len(starts) - 1)
        at = np.arange(share.shape[1])
        below, above = share[after - 1, at], share[after, at]
        out[row] = starts[after - 1] + WEEK * (quantile - below) / np.maximum(above - below, 1e-12)
    return out
