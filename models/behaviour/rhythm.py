"""The rhythm of a customer's orders, and its uses: counts without phase, and how overdue an order is.

The decayed count of a regular buyer is a saw-tooth: it jumps by one at an order and decays until the next. Its phase
carries no information about the customer, so it is removed in proportion to the customer's regularity. Four numbers
are stored (``layout.RHYTHM``): the last order-day, and weight, mean and squared deviations of the gaps between
order-days by Welford's recurrence (*Technometrics* 4, 1962), in which each gap weighs ``KEPT`` times the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.layout import (
    CATEGORIES,
    CATEGORY,
    DAY,
    EXPOSURE,
    GAP_MEAN,
    GAP_SQUARES,
    GAPS,
    LAST_ORDER,
    MONEY,
    ORDER_COUNT,
    ORDER_DAYS,
    RHYTHM,
    BoolArray,
    FloatArray,
    IntArray,
)

KEPT: Final = 0.9
"""Weight of a gap relative to the next one."""
TWO_GAPS: Final = 1.8
"""A larger weight means two gaps or more (1 + KEPT)."""
KNOWN_SHARE: Final = 0.5
"""Minimum share of customers with three orders who must have two known gaps before the shop's usual variation is used.
"""
LEAST_BUYERS: Final = 10
"""Minimum number of customers with two gaps; with fewer, the shop's gaps are assumed to vary as by chance."""
CHANCE: Final = 1.0
"""Squared coefficient of variation of the gaps of a Poisson process."""
FACTORS: Final = (0.25, 4.0)
"""Bounds of the factor that removes the phase of a count."""
CLOCK: Final = 0.125
"""Maximum squared coefficient of variation of a clock's gaps: inactivity of a clock is evaluated by rhythm alone."""
PRIOR_GAPS: Final = 3.0
"""Weight of the shop's usual variation, in gaps, in the test for a clock."""
_SURE: Final = 2.0  # standard errors added to the variation of few gaps
_LEAST_CV2: Final = 0.05
_MOST_OVERDUE: Final = 3.0  # bound of the relative chance except for clocks: shops have closed days


@dataclass(frozen=True, slots=True)
class Beat:
    """The rhythm of those columns of a block that buy more regularly than chance.

    Parameters
    ----------
    at
        Their indices, (m,).
    regular
        1 - cv^2 of the gaps, shrunk towards the shop's usual value: above 0, and 1 for a clock; (m,).
    gaps
        Weight of the remembered gaps, (m,).
    cycle
        Mean gap in days, at least 1, (m,).
    silent
        Whole days since the last order-day, on the last closed day, (m,).
    usual
        Usual cv^2 in the shop.
    clock
        Whether the column is a clock, (m,): its gaps vary by at most CLOCK, with confidence. Equal gaps may be luck in
        a shop with irregular buyers.
    """

    at: IntArray
    regular: FloatArray
    gaps: FloatArray
    cycle: FloatArray
    silent: FloatArray
    usual: float
    clock: BoolArray


def note_order_day(block: FloatArray, at: IntArray) -> None:
    """Count the closing day (``block[DAY]``) as an order-day of columns ``at`` of a block (WIDTH, n), in place.

    Values are rounded as in the store, so the result does not depend on when the block is stored.
    """
    before, today = block[LAST_ORDER, at], block[DAY, at]
    block[LAST_ORDER, at] = today
    known = before > 0
    at, gap = at[known], (today - before)[known]
    if not at.size:
        return
    old = KEPT * block[GAPS, at]
    weight = old + 1.0
    off = gap - block[GAP_MEAN, at]
    noted = np.stack(
        (weight, block[GAP_MEAN, at] + off / weight, KEPT * block[GAP_SQUARES, at] + off * off * old / weight)
    )
    block[GAPS : GAP_SQUARES + 1, at] = np.float32(noted)


def of_order_days(days: Iterable[int]) -> FloatArray:
    """Return the rhythm of a customer with these order-days, ascending and distinct; shape (4,).

    >>> of_order_days([100, 107, 114]).round(2).tolist()
    [114.0, 1.9, 7.0, 0.0]
    """
    found = np.zeros((RHYTHM.stop, 1))
    only = np.zeros(1, dtype=np.int64)
    for day in days:
        found[DAY] = day
        note_order_day(found, only)
    return found[RHYTHM, 0]


def joined(mine: FloatArray, other: FloatArray) -> FloatArray:
    """Merge the rhythms of one person's two memories: keep the one with more known gaps, and the later order-day."""
    kept = (other if other[1] > mine[1] else mine).copy()
    kept[0] = max(mine[0], other[0])
    return kept


def usual_cv2(block: FloatArray) -> float:
    """Return the shop's usual cv^2 of gaps, 0 to 1, from customers (WIDTH, n) with at least two gaps."""
    chosen = block[:, block[GAPS] > TWO_GAPS]
    if chosen.shape[1] < LEAST_BUYERS:
        return CHANCE
    weight, mean = chosen[GAPS], np.maximum(chosen[GAP_MEAN], 1.0)
    cv2 = chosen[GAP_SQUARES] / (mean * mean) / (weight - 1.0) * (1.0 + 1.0 / weight)
    return float(min(max(np.minimum(cv2, 2.0).mean(), 0.0), 1.0))


def known_of(block: FloatArray) -> bool:
    """Return whether the gaps of most customers are recorded, which takes some time after an upgrade from layout 2."""
    ordered = block[ORDER_COUNT] >= 3
    return bool((block[GAPS, ordered] > TWO_GAPS).sum() >= KNOWN_SHARE * ordered.sum())


def regularity(block: FloatArray, usual: float) -> FloatArray:
    """Return 1 - cv^2 of the gaps of each column, (n,), from 0 (chance, or no known gap) to 1 (a clock).

    Parameters
    ----------
    usual
        The shop's usual cv^2, which counts as one additional gap.
    """
    return _regularity(block[GAPS : GAP_SQUARES + 1], usual)


def _regularity(kept: FloatArray, usual: float) -> FloatArray:
    """Return ``regularity`` from the three numbers about gaps, (3, n)."""
    weight, mean = kept[0], np.maximum(kept[1], 1.0)
    spread = kept[2] / (mean * mean) * (1.0 + 1.0 / np.maximum(weight, 1.0))
    cv2 = (spread + usual) / (np.maximum(weight - 1.0, 0.0) + 1.0)
    found: FloatArray = np.maximum(1.0 - cv2, 0.0) * (weight > 0)
    return found


def beat_of(block: FloatArray, usual: float | None) -> Beat | None:
    """Return the beat of a block (WIDTH, n) stepped to ``block[DAY]``; None if no column has one.

    Parameters
    ----------
    usual
        ``Priors.gap_cv2``.
    """
    if usual is None:
        return None
    # Skip columns without a recorded gap, which are most columns in a young shop.
    known = np.flatnonzero(block[GAPS] > 0.0)
    if not known.size:
        return None
    kept = block[GAPS : GAP_SQUARES + 1, known]
    found = _regularity(kept, usual)
    chosen = np.flatnonzero(found > 0.0)
    if not chosen.size:
        return None
    at, regular, gaps = known[chosen], found[chosen], kept[0, chosen]
    return Beat(
        at=at,
        regular=regular,
        gaps=gaps,
        cycle=np.maximum(kept[1, chosen], 1.0),
        silent=np.maximum(block[DAY, at] - 1.0 - block[LAST_ORDER, at], 0.0),
        usual=usual,
        clock=_clocks(regular, gaps, usual),
    )


def without_phase(stats: FloatArray, beat: Beat | None, half_life: float) -> FloatArray:
    """Remove the phase: scale statistics to their average over the customer's order cycle, in place.

    By Wald's identity N(t) + 1 - E[days to the next order] / gap has no phase. The difference between a regular count's
    average over a cycle and its value at this phase is therefore added, in proportion to regularity; everything else
    that orders contribute is scaled by the same factor. From the day the next order is due, inactivity decays the count
    as usual.

    Parameters
    ----------
    stats
        Shape (VECTOR, n), every entry at least 0.
    half_life
        Half-life of ``stats`` in days.
    """
    if beat is None:
        return stats
    factor = np.ones(stats.shape[1])
    factor[beat.at] = _factor(stats[EXPOSURE, beat.at], stats[ORDER_DAYS, beat.at], beat, half_life)
    stats[ORDER_DAYS] *= factor
    stats[MONEY : CATEGORY + CATEGORIES] *= factor
    return stats


def _factor(exposure: FloatArray, count: FloatArray, beat: Beat, half_life: float) -> FloatArray:
    """Return the factor for the counts of a beat's columns, from their exposures and order-days, (m,) each."""
    kept = 2 ** (-1 / half_life)
    cycle = beat.cycle
    phase = np.minimum(beat.silent, cycle)
    overdue = np.exp2((phase - beat.silent) / half_life)
    # Decayed weight of the memory's first day, as of the day on which the next order was due.
    begun = np.maximum(1.0 - exposure * (1.0 - kept), 0.0)
    begun = np.minimum(begun / np.maximum(overdue, 1e-12), 1.0)
    on_average = (1.0 - begun) / ((1.0 - kept) * cycle)
    last, next_one = np.exp2(phase / -half_life), np.exp2((cycle - 1.0) / -half_life)
    now = np.maximum((last - next_one * begun) / (1.0 - next_one * kept), 0.0)
    some = np.maximum(count, 1e-6)
    factor = 1.0 + beat.regular * overdue * (on_average - now) / some
    return np.where(count > 1e-6, np.minimum(np.maximum(factor, FACTORS[0]), FACTORS[1]), 1.0)


def chance_now(beat: Beat, silent: FloatArray) -> FloatArray:
    """Return the chance of an order on the closing day relative to the customer's mean chance, (m,).

    The chance depends on the days since the last order: low before the next order can be due, 1 while it is due, high
    when it is overdue. It is always 1 for a random buyer.

    Parameters
    ----------
    silent
        Days from the last order-day before the closing day to the closing day, (m,).
    """
    cv2 = _surely(beat)
    cv = np.sqrt(cv2)
    late = np.where(beat.clock, 1.0 / cv2, np.minimum(1.0 / cv2, _MOST_OVERDUE))
    ratio = np.where(silent > beat.cycle * (1.0 + cv), late, 1.0)
    early: FloatArray = np.where(silent < beat.cycle * (1.0 - 2.0 * cv), cv2, ratio)
    return np.where(cv2 < 1.0, early, 1.0)


def overdue(beat: Beat) -> BoolArray:
    """Return which columns of a beat are clocks that have been inactive for longer than their rhythm, (m,)."""
    return beat.clock & (beat.silent > beat.cycle * (1.0 + np.sqrt(_surely(beat))))


def _clocks(regular: FloatArray, gaps: FloatArray, usual: float) -> BoolArray:
    """Return ``Beat.clock`` from regularities and gap weights, (m,) each."""
    cv2 = ((1.0 - regular) * gaps + PRIOR_GAPS * usual) / (gaps + PRIOR_GAPS)
    found: BoolArray = np.maximum(cv2, _LEAST_CV2) * (1.0 + _SURE / np.sqrt(gaps + 1.0)) <= CLOCK
    return found


def _surely(beat: Beat) -> FloatArray:
    """Return the upper bound of the gaps' squared coefficient of variation, at most that of chance, (m,).

    This is the estimate plus two standard errors, because the variation of few gaps may be low by luck.
    """
    cv2 = np.maximum(1.0 - beat.regular, _LEAST_CV2) * (1.0 + _SURE / np.sqrt(np.maximum(beat.gaps, 1.0)))
    return np.minimum(cv2, CHANCE)
