"""One day for many customers under one model: the arithmetic of the daily step.

``block`` is always (WIDTH, n) float64, one customer per column. The decisions are in ``transition_test``. All
operations are elementwise over customers (``argmax`` and ``max`` go over slots), so a customer's result does not depend
on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.bucket import B_INTERACTIONS, B_ORDERS, B_OWN, day_vectors, side_by_side
from models.behaviour.layout import (
    AREA,
    CLICK_DAYS,
    CUSUM,
    DAY,
    DECAY,
    DECAYING,
    DISCOUNTED,
    EXPOSURE,
    FIRST_DAY,
    INTERACTION_COUNT,
    LAST_EVENT,
    LAST_ORDER,
    LEAK,
    LOG_BASKET,
    LONG,
    ORDER_COUNT,
    ORDER_DAYS,
    ORDERS,
    PARTS,
    RECENT,
    RECENT_AT,
    SHORT_AT,
    VECTOR,
    BoolArray,
    FloatArray,
    IntArray,
    parts_of,
)
from models.behaviour.rhythm import Beat, beat_of, chance_now, note_order_day
from models.behaviour.scoring import GAUSS_CLIP, MOST_RATE, Compiled, own_habits, own_rates

HOLIDAY_DAYS: Final = 30.0
"""Maximum length of a holiday, in days."""


@dataclass(frozen=True, slots=True)
class Happened:
    """The events of the closing day.

    Parameters
    ----------
    at
        Column indices, (m,).
    day
        Their statistics, (VECTOR - 1, m).
    silent
        Days from their last earlier order-day to the closing day, (m,).
    """

    at: IntArray
    day: FloatArray
    silent: FloatArray


def close_bucket(block: FloatArray, at: IntArray, buckets: list[list[float]]) -> Happened:
    """Count the evidence of the closing day (``block[DAY]``) of columns ``at``; return its statistics."""
    raw = side_by_side(buckets)
    block[ORDER_COUNT, at] = np.maximum(block[ORDER_COUNT, at] + raw[:, B_ORDERS], 0.0)
    block[INTERACTION_COUNT, at] += raw[:, B_INTERACTIONS]
    own = at[raw[:, B_OWN] > 0]
    block[LAST_EVENT, own] = block[DAY, own]
    silent = block[DAY, at] - block[LAST_ORDER, at]
    note_order_day(block, at[raw[:, B_ORDERS] > 0])
    return Happened(at, day_vectors(raw), silent)


def _add_day(block: FloatArray, start: int, happened: Happened | None) -> None:
    block[start + EXPOSURE] += 1.0
    if happened is not None:
        block[start + 1 : start + VECTOR, happened.at] += happened.day


def age(block: FloatArray, happened: Happened | None) -> None:
    """Age the block by a day without a model in force; all new statistics are trusted."""
    block[DECAYING] *= DECAY
    _add_day(block, SHORT_AT, happened)
    _add_day(block, RECENT_AT, happened)
    block[LONG] += block[RECENT]
    block[RECENT] = 0.0


def beat(block: FloatArray, c: Compiled) -> Beat | None:
    """Return the rhythm of a block after the closing day was counted; the whole daily step uses this value."""
    return beat_of(block, c.model.frame.priors.gap_cv2)


def remember(
    block: FloatArray, slot: IntArray, c: Compiled, happened: Happened | None, rhythm: Beat | None
) -> FloatArray:
    """Perform steps 1 to 3: decay, test the closing day against the customer's own rates, move R into L.

    Parameters
    ----------
    slot
        Slot of each column's segment, ``c.slots`` for none.
    rhythm
        ``beat`` of the block.

    Returns
    -------
    FloatArray
        W of each slot and column, shape (K, n).
    """
    block[DECAYING] *= DECAY
    _add_day(block, SHORT_AT, happened)
    cusum = _suspect(block, slot, c, happened, rhythm)
    _add_day(block, RECENT_AT, happened)
    leaving = block[RECENT] * np.where(cusum.any(axis=0), LEAK, 1.0)
    block[LONG] += leaving
    block[RECENT] -= leaving
    return cusum


def _chances(
    block: FloatArray, slot: IntArray, c: Compiled, happened: Happened | None, rhythm: Beat | None
) -> FloatArray:
    """Return the customers' own chances of an order and of a click on the closing day, shape (2, n)."""
    own = own_rates(block[LONG], slot, c)
    if rhythm is None:
        return own
    silent = rhythm.silent.copy()
    if happened is not None:
        # Days without an order before the closing day, for customers who ordered on it.
        before = np.full(block.shape[1], -1.0)
        before[happened.at] = happened.silent
        before = before[rhythm.at]
        silent = np.where(before >= 0.0, before, silent)
    own[0, rhythm.at] = np.minimum(own[0, rhythm.at] * chance_now(rhythm, silent), MOST_RATE)
    return own


def _suspect(
    block: FloatArray, slot: IntArray, c: Compiled, happened: Happened | None, rhythm: Beat | None
) -> FloatArray:
    """Update Page's CUSUM of each segment: W_c = max(0, W_c + log-likelihood ratio of the day). Return W, shape (K, n).

    A day has an order or not, a click or not, so its likelihood is Bernoulli, which gives inactive days of busy
    customers more weight than Poisson. The chance of an order follows the customer's own rhythm. W is stored in parts,
    so that the reasons of a move are exact.
    """
    own = _chances(block, slot, c, happened, rhythm)
    silent = -np.log1p(-own) * c.inverse_phi
    parts = parts_of(block)[:, : c.slots]
    theirs = c.silence
    if c.model.preset.holiday:
        speaks = ~_away(block, silent[0] + silent[1], c.model.preset.holiday, rhythm)
        silent, theirs = silent * speaks, theirs * speaks
    parts[:2] += silent[:, None]
    parts[:2] -= theirs
    if happened is not None:
        parts[:, :, happened.at] += _event_terms(block, slot, c, happened, own)
    cusum: FloatArray = (parts[0] + parts[1]) + (parts[2] + parts[3])
    suspected = cusum > 0.0
    # Never suspect a customer of the current segment, nor one without a segment.
    suspected &= c.others.take(slot, axis=1)
    parts *= suspected
    cusum *= suspected
    return cusum


def _away(block: FloatArray, cost: FloatArray, most: float, rhythm: Beat | None) -> BoolArray:
    """Return which customers may be on holiday, (n,): inactive for at most a month, and beyond the permitted evidence.

    Parameters
    ----------
    cost
        Cost of an inactive day under the customer's own rates, nats, (n,).
    """
    spell = block[DAY] - 1.0 - block[LAST_EVENT]
    away: BoolArray = (spell <= HOLIDAY_DAYS) & (spell * cost > most)
    if rhythm is not None:
        away[rhythm.at[rhythm.clock]] = False
    return away


def _event_terms(block: FloatArray, slot: IntArray, c: Compiled, happened: Happened, own: FloatArray) -> FloatArray:
    """Return the terms that the day's events add to the log-likelihood ratios of inactivity, shape (PARTS, K, m)."""
    at, day = happened.at, happened.day
    bought = np.maximum(day[ORDER_DAYS - 1], 0.0)  # a day of reversals is no evidence about habits
    clicked = day[CLICK_DAYS - 1]
    chances = np.ascontiguousarray(own[:, at])
    odds = np.log(chances / (1 - chances))
    k = c.slots
    terms: FloatArray = np.empty((len(PARTS), k, len(at)))
    terms[0] = bought * (c.log_odds[0] - odds[0]) * c.inverse_phi[0]
    terms[1] = clicked * (c.log_odds[1] - odds[1]) * c.inverse_phi[1]

    expected, usual = own_habits(block[LONG, at], slot[at], c)
    basket = day[LOG_BASKET - 1]
    ratio = ((basket - expected) ** 2 - (basket - c.log_basket[:k, None]) ** 2) / (2 * c.model.sigma2)
    terms[2] = bought * np.minimum(np.maximum(ratio, -GAUSS_CLIP), GAUSS_CLIP)

    share = np.minimum(np.maximum(day[DISCOUNTED - 1], 0.0) / np.maximum(day[ORDERS - 1], 1.0), 1.0)
    theirs = c.discount[:k, None]
    terms[3] = bought * share * (np.log(theirs) - np.log(usual))
    terms[3] += bought * (1 - share) * (np.log(1 - theirs) - np.log(1 - usual))
    return terms


def integrate(block: FloatArray, margin: FloatArray, h: float) -> None:
    """Step 5: update the leaky integral of the margin; a margin of at most ``h`` resets it."""
    above = margin - h
    area = block[AREA]
    area += above
    area *= above > 0.0


def trust_anew(block: FloatArray, at: int, c: Compiled, slot: int) -> None:
    """Replace the past after a change (step 4) with the suspect window and 30 days of the new segment."""
    segment = next(s for s in c.model.segments if s.slot == slot)
    days = 30.0
    known = np.maximum(block[LONG, at] + block[RECENT, at], 0.0)
    window = np.maximum(block[RECENT, at], 0.0)
    order_days = days * segment.order_rate
    orders = order_days * segment.orders_a_day
    past = np.zeros(VECTOR)
    past[: ORDERS + 1] = (days, order_days, days * segment.click_rate, order_days * segment.basket, orders)
    past[LOG_BASKET] = order_days * segment.log_basket
    past[DISCOUNTED] = orders * segment.discount
    # Tables have no categories, so keep the customer's own shares.
    past[DISCOUNTED + 1 :] = known[DISCOUNTED + 1 :] * (orders / max(float(known[ORDERS]), 1.0))
    block[LONG, at] = window + past
    block[RECENT, at] = 0.0
    block[CUSUM:AREA, at] = 0.0
    block[AREA, at] = 0.0


def eligible(block: FloatArray, at: IntArray, day: int, c: Compiled) -> BoolArray:
    """Return which columns of ``at`` have enough evidence for a segment at grid day ``day``."""
    need = c.model.evidence
    enough = (block[ORDER_COUNT, at] >= need.orders) | (block[INTERACTION_COUNT, at] >= need.interactions)
    from_day = block[FIRST_DAY, at]
    result: BoolArray = enough & (day - from_day >= need.age_days)
    return result
