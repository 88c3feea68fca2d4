"""The rhythm of a customer's orders, and what follows from it: counts without a phase, and how late an order is.

A decayed count of somebody who buys like a clock is a saw-tooth: it jumps by one at an order and wears off until the
next. The phase of it says nothing about the customer, so it is taken out as far as the customer is regular. Four numbers
are kept (``layout.RHYTHM``): the day of the last order-day, and weight, mean and squared deviations of the gaps between
order-days by Welford's recurrence (*Technometrics* 4, 1962), in which each gap weighs ``KEPT`` of the one after it.
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
"""Weight of a gap beside that of the next one."""
TWO_GAPS: Final = 1.8
"""More than this weight is two gaps or more (1 + KEPT)."""
KNOWN_SHARE: Final = 0.5
"""Share of the customers with three orders who must have two known gaps before the shop's usual variation is used."""
LEAST_BUYERS: Final = 10
"""Customers with two gaps below which a shop's usual variation is not known, and taken for that of chance."""
CHANCE: Final = 1.0
"""Squared coefficient of variation of the gaps of a Poisson process."""
FACTORS: Final = (0.25, 4.0)
"""Least and most that a count is multiplied by to take its phase out."""
CLOCK: Final = 0.125
"""Squared coefficient of variation that the gaps of a clock surely do not exceed: its silence is judged by the rhythm alone."""
PRIOR_GAPS: Final = 3.0
"""Gaps that the shop's usual variation counts for when it is asked who is a clock."""
_SURE: Final = 2.0  # standard errors by which few gaps may understate their variation
_LEAST_CV2: Final = 0.05
_MOST_OVERDUE: Final = 3.0  # times the mean chance, for who is no clock: markets have days on which nobody can buy


@dataclass(frozen=True, slots=True)
class Beat:
    """The columns of a block that buy more regularly than chance would have it, and how.

    Parameters
    ----------
    at
        Their indices, (m,).
    regular
        1 - cv^2 of the gaps, drawn towards the shop's usual one: above 0, 1 is a clock; (m,).
    gaps
        Weight of the remembered gaps, (m,).
    cycle
        Mean gap in days, at least 1, (m,).
    silent
        Whole days since the last order-day, on the last closed day, (m,).
    usual
        The shop's usual cv^2.
    clock
        Who is a clock: the gaps surely vary by CLOCK at most, (m,). A run of equal gaps is luck where others' gaps are not
        equal.
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

    What is written is rounded as the store rounds, so that it does not matter when the block is stored.
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
    """The four numbers of somebody who ordered on these days, ascending and distinct; shape (4,).

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
    """The shop's usual squared coefficient of variation of gaps, 0 to 1, from customers (WIDTH, n) with at least two."""
    chosen = block[:, block[GAPS] > TWO_GAPS]
    if chosen.shape[1] < LEAST_BUYERS:
        return CHANCE
    weight, mean = chosen[GAPS], np.maximum(chosen[GAP_MEAN], 1.0)
    cv2 = chosen[GAP_SQUARES] / (mean * mean) / (weight - 1.0) * (1.0 + 1.0 / weight)
    return float(min(max(np.minimum(cv2, 2.0).mean(), 0.0), 1.0))


def known_of(block: FloatArray) -> bool:
    """Whether the gaps of most customers are on record: they are not for a while after an upgrade from layout 2."""
    ordered = block[ORDER_COUNT] >= 3
    return bool((block[GAPS, ordered] > TWO_GAPS).sum() >= KNOWN_SHARE * ordered.sum())


def regularity(block: FloatArray, usual: float) -> FloatArray:
    """1 - cv^2 of the gaps of each column, between 0 (as chance has it, or no gap known) and 1 (a clock); (n,).

    Parameters
    ----------
    usual
        The shop's usual cv^2, which counts as one more gap's evidence.
    """
    return _regularity(block[GAPS : GAP_SQUARES + 1], usual)


def _regularity(kept: FloatArray, usual: float) -> FloatArray:
    """``regularity`` of the three numbers about gaps, (3, n)."""
    weight, mean = kept[0], np.maximum(kept[1], 1.0)
    spread = kept[2] / (mean * mean) * (1.0 + 1.0 / np.maximum(weight, 1.0))
    cv2 = (spread + usual) / (np.maximum(weight - 1.0, 0.0) + 1.0)
    found: FloatArray = np.maximum(1.0 - cv2, 0.0) * (weight > 0)
    return found


def beat_of(block: FloatArray, usual: float | None) -> Beat | None:
    """The beat of a block (WIDTH, n) that is stepped to ``block[DAY]``; None where nobody has one.

    Parameters
    ----------
    usual
        ``Priors.gap_cv2``.
    """
    if usual is None:
        return None
    # Who has no gap on record keeps no rhythm that is known: in a young shop that is most of the night.
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
    """Statistics as they are over a whole cycle of the customer's own, in place.

    By Wald's identity N(t) + 1 - E[days to the next order] / gap has no phase. So what a regular count averages to over a
    cycle, less what it is at this phase, is added, as far as the customer is regular; all that orders left behind is
    multiplied by the same factor. From the day on which the next order is due, silence wears it off as ever.

    Parameters
    ----------
    stats
        Shape (VECTOR, n), every entry at least 0.
    half_life
        Days in which ``stats`` fade to a half.
    """
    if beat is None:
        return stats
    factor = np.ones(stats.shape[1])
    factor[beat.at] = _factor(stats[EXPOSURE, beat.at], stats[ORDER_DAYS, beat.at], beat, half_life)
    stats[ORDER_DAYS] *= factor
    stats[MONEY : CATEGORY + CATEGORIES] *= factor
    return stats


def _factor(exposure: FloatArray, count: FloatArray, beat: Beat, half_life: float) -> FloatArray:
    """What the counts of the columns of a beat are multiplied by, from their exposures and order-days, (m,) each."""
    kept = 2 ** (-1 / half_life)
    cycle = beat.cycle
    phase = np.minimum(beat.silent, cycle)
    overdue = np.exp2((phase - beat.silent) / half_life)
    # What the memory has lost of the day on which it began, as of the day on which the next order was due.
    begun = np.maximum(1.0 - exposure * (1.0 - kept), 0.0)
    begun = np.minimum(begun / np.maximum(overdue, 1e-12), 1.0)
    on_average = (1.0 - begun) / ((1.0 - kept) * cycle)
    last, next_one = np.exp2(phase / -half_life), np.exp2((cycle - 1.0) / -half_life)
    now = np.maximum((last - next_one * begun) / (1.0 - next_one * kept), 0.0)
    some = np.maximum(count, 1e-6)
    factor = 1.0 + beat.regular * overdue * (on_average - now) / some
    return np.where(count > 1e-6, np.minimum(np.maximum(factor, FACTORS[0]), FACTORS[1]), 1.0)


def chance_now(beat: Beat, silent: FloatArray) -> FloatArray:
    """The chance of an order on the closing day over the customer's mean chance, given the silence before it; (m,).

    Low before the next order can be due, 1 while it is due, high when it is overdue; 1 all along for who buys by chance.

    Parameters
    ----------
    silent
        Days between the last order-day before the closing day and the closing day, (m,).
    """
    cv2 = _surely(beat)
    cv = np.sqrt(cv2)
    late = np.where(beat.clock, 1.0 / cv2, np.minimum(1.0 / cv2, _MOST_OVERDUE))
    ratio = np.where(silent > beat.cycle * (1.0 + cv), late, 1.0)
    early: FloatArray = np.where(silent < beat.cycle * (1.0 - 2.0 * cv), cv2, ratio)
    return np.where(cv2 < 1.0, early, 1.0)


def overdue(beat: Beat) -> BoolArray:
    """Which columns of a beat are clocks and silent for longer than their rhythm allows, (m,)."""
    return beat.clock & (beat.silent > beat.cycle * (1.0 + np.sqrt(_surely(beat))))


def _clocks(regular: FloatArray, gaps: FloatArray, usual: float) -> BoolArray:
    """``Beat.clock`` of customers of these regularities and weights of gaps, (m,) each."""
    cv2 = ((1.0 - regular) * gaps + PRIOR_GAPS * usual) / (gaps + PRIOR_GAPS)
    found: BoolArray = np.maximum(cv2, _LEAST_CV2) * (1.0 + _SURE / np.sqrt(gaps + 1.0)) <= CLOCK
    return found


def _surely(beat: Beat) -> FloatArray:
    """Squared coefficient of variation that the gaps surely do not exceed, at most that of chance, (m,).

    What few gaps say of their variation may be luck, so it is its upper bound, two standard errors up.
    """
    cv2 = np.maximum(1.0 - beat.regular, _LEAST_CV2) * (1.0 + _SURE / np.sqrt(np.maximum(beat.gaps, 1.0)))
    return np.minimum(cv2, CHANCE)
