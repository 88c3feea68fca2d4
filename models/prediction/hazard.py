"""Probabilities of an order, in one week and within any number of days, from the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.prediction.features import weighted
from models.prediction.records import Records

WEEK: Final = 7
_MOST: Final = 30.0


def weekly(weights: FloatArray, records: Records, day: int | FloatArray, silent_days: int = 0) -> FloatArray:
    """Return the probability (n,) of an order in the seven days from ``day``, or after ``silent_days`` inactive days."""
    return logistic(weighted(weights, records, day, silent_days))


def logistic(log_odds: FloatArray) -> FloatArray:
    """Convert log-odds to probabilities."""
    found: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -_MOST, _MOST)))
    return found


def within(weights: FloatArray, records: Records, day: int | FloatArray, days: int) -> FloatArray:
    """Return the probability (n,) of an order in [day, day + days); see `reached`."""
    found: FloatArray = reached(weights, records, day, (days,))[0]
    return found


def reached(weights: FloatArray, records: Records, day: int | FloatArray, horizons: Sequence[int]) -> FloatArray:
    """Return the probability (horizons, n) of an order within each horizon (days, ascending); see `rolled`."""
    return rolled(partial(weekly, weights), records, day, horizons)


def rolled(
    weekly: Callable[[Records, FloatArray], FloatArray],
    records: Records,
    day: int | FloatArray,
    horizons: Sequence[int],
) -> FloatArray:
    """Return the probability (horizons, n) of an order within each horizon, as one minus that of no order in any week.

    Horizons (days, ascending) are consistent: a longer one never has a lower probability. The product is taken in a
    fixed order, so a customer's result does not depend on the others.

    Parameters
    ----------
    weekly
        Returns the probability (weeks, n) of an order in the seven days from each day (weeks, n), for customers without
        an order until then.
    """
    n, weeks = len(records.last), -(-max(horizons) // WEEK)
    # Compute all weeks in one call, which is ten times as fast for a single customer.
    days_on = np.asarray(day, dtype=np.float64) + WEEK * np.arange(weeks)[:, None] + np.zeros(n)
    chances = weekly(records, days_on)
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
    """Return the days (2, n) by which the next order has arrived with probability .25 and .75, given one in the window.

    ``reached`` (weeks, n) is the probability of an order within each of ``starts`` days. The result is a window because
    an exact date would promise too much. Interpolates linearly between weeks.
    """
    share = reached / np.maximum(reached[-1], 1e-12)
    out = np.empty((2, share.shape[1]))
    for row, quantile in enumerate((0.25, 0.75)):
        after = (share < quantile).sum(axis=0).clip(1, len(starts) - 1)
        at = np.arange(share.shape[1])
        below, above = share[after - 1, at], share[after, at]
        out[row] = starts[after - 1] + WEEK * (quantile - below) / np.maximum(above - below, 1e-12)
    return out
