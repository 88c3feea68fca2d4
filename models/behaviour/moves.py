"""What a move is, and its exact explanation.

Three ways to a segment are explained differently, always by contributions that add up to ``margin``
(in the first case to its growth):

- ``position``: the margin of the new segment over the old is linear in the features, so its growth
  since the label was given is a sum over features (see ``scoring.margin_terms``).
- ``change``: the log-likelihood ratio of what happened in the suspect window, under the table of the new
  segment against the customer's own rates; it is a sum over order-days, click-days, baskets, discounts.
- ``first``, ``vanished``: the margin of the segment over the runner-up, measured from the border between
  the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import msgspec
import numpy as np

from models.behaviour.features import SCALE_DAYS, bounded_exp, readable
from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    FEATURES,
    LOG_BASKET,
    LONG_AT,
    ORDER_DAYS,
    ORDERS,
    RECENT_AT,
    VECTOR,
    FloatArray,
)
from models.behaviour.scoring import DISCOUNT_ORDERS, MOST_RATE, Compiled, margin_terms


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One feature's part in a move.

    ``before`` and ``after`` are in natural units, ``contribution`` in those of the margin, and ``share``
    is the contribution over the sum of all absolute contributions (negative: it spoke against the move).
    """

    feature: str
    before: float
    after: float
    share: float
    contribution: float


class Move(msgspec.Struct, frozen=True):
    """A customer's segment changed at the grid point of ``day``.

    Parameters
    ----------
    version
        Model version under which it happened.
    cause
        ``event``, ``time`` or ``refit``; the last must never trigger a message.
    path
        ``first``, ``evidence`` (fell back to `new`), ``vanished``, ``change`` or ``position``.
    margin
        See the top of the file; 0 where there is no new real segment.
    confidence
        Between 0 and 1.
    reasons
        Largest absolute contribution first.
    features
        Readable features of the long memory when it happened.
    """

    row: int
    day: int
    from_id: str | None
    to_id: str
    version: int
    cause: str
    path: str
    margin: float
    confidence: float
    reasons: tuple[Reason, ...]
    features: dict[str, float]


def _ranked(rows: list[tuple[str, float, float, float]]) -> tuple[Reason, ...]:
    total = sum([abs(row[3]) for row in rows]) or 1.0
    rows.sort(key=_rank)
    return tuple([Reason(name, before, after, term / total, term) for name, before, after, term in rows])


def _rank(row: tuple[str, float, float, float]) -> tuple[float, str]:
    return -abs(row[3]), row[0]


def position_reasons(x: FloatArray, origin: FloatArray, c: Compiled, away: int, to: int) -> tuple[Reason, ...]:
    """Why the margin of ``to`` over ``away`` grew from ``origin`` to ``x``."""
    terms = margin_terms(x, origin, c, away, to)
    priors = c.model.frame.priors
    before, after = readable(origin, priors), readable(x, priors)
    return _ranked([(n, before[n], after[n], t) for n, t in zip(before, terms.tolist(), strict=True)])


def border_reasons(x: FloatArray, c: Compiled, to: int, runner_up: int) -> tuple[float, tuple[Reason, ...]]:
    """Margin of ``to`` over ``runner_up`` at ``x``, and why, measured from the border between them."""
    border = (c.raw[to] + c.raw[runner_up]) / 2
    reasons = position_reasons(x, border, c, runner_up, to)
    return sum(r.contribution for r in reasons), reasons


@dataclass(frozen=True, slots=True)
class Own:
    """A customer's own rates, shrunk towards the segment: what the change path tests against."""

    order_rate: float
    click_rate: float
    log_basket: float
    discount: float


def own_of(long: FloatArray, c: Compiled, slot: int) -> Own:
    """Own rates from one L vector, shape (VECTOR,)."""
    stats = np.maximum(long, 0.0)
    rates = (stats[ORDER_DAYS : CLICK_DAYS + 1] + c.shapes[:, slot]) / (stats[EXPOSURE] + c.shape_days[:, slot])
    rates = np.minimum(rates, MOST_RATE)
    weight = c.basket_weight[slot]
    basket = (stats[LOG_BASKET] + weight * c.log_basket[slot]) / (stats[ORDER_DAYS] + weight)
    discount = (stats[DISCOUNTED] + DISCOUNT_ORDERS * c.discount[slot]) / (stats[ORDERS] + DISCOUNT_ORDERS)
    return Own(float(rates[0]), float(rates[1]), float(basket), min(max(float(discount), 1e-6), 1 - 1e-6))


def change_reasons(column: FloatArray, c: Compiled, slot: int, to: int) -> tuple[float, tuple[Reason, ...]]:
    """Log-likelihood ratio of the suspect window under ``to`` against the customer's own rates, and why.

    ``column`` is the customer's column of the block, shape (WIDTH,).
    """
    own = own_of(column[LONG_AT : LONG_AT + VECTOR], c, slot)
    window = np.maximum(column[RECENT_AT : RECENT_AT + VECTOR], 0.0)
    days, orders, clicks = (float(window[i]) for i in (EXPOSURE, ORDER_DAYS, CLICK_DAYS))
    segment = next(s for s in c.model.segments if s.slot == to)
    phi = c.model.phi

    def days_with(count: float, mine: float, theirs: float, spread: float) -> float:
        theirs = min(theirs, MOST_RATE)
        without = max(days - count, 0.0)
        return (count * log(theirs / mine) + without * log((1 - theirs) / (1 - mine))) / spread

    mean = segment.log_basket
    basket_sum = float(window[LOG_BASKET])
    basket = (2 * (mean - own.log_basket) * basket_sum - orders * (mean**2 - own.log_basket**2)) / (2 * c.model.sigma2)
    bought = max(float(window[ORDERS]), 1e-9)
    share = min(1.0, float(window[DISCOUNTED]) / bought)
    discount = orders * (
        share * log(segment.discount / own.discount) + (1 - share) * log((1 - segment.discount) / (1 - own.discount))
    )
    length = max(days, 1.0)
    rows = [
        (
            "orders",
            own.order_rate * SCALE_DAYS,
            orders / length * SCALE_DAYS,
            days_with(orders, own.order_rate, segment.order_rate, phi[0]),
        ),
        (
            "clicks",
            own.click_rate * SCALE_DAYS,
            clicks / length * SCALE_DAYS,
            days_with(clicks, own.click_rate, segment.click_rate, phi[1]),
        ),
        (
            "basket",
            bounded_exp(own.log_basket),
            bounded_exp(basket_sum / orders if orders > 0 else own.log_basket),
            basket,
        ),
        ("discount_share", own.discount, share if orders > 0 else own.discount, discount),
    ]
    reasons = _ranked(rows)
    return sum(r.contribution for r in reasons), reasons


def features_of(x: FloatArray, c: Compiled) -> dict[str, float]:
    """Readable features of one feature vector of at least FEATURES numbers."""
    return readable(x[:FEATURES], c.model.frame.priors)
