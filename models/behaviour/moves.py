"""What a move is, and its exact explanation.

Three ways to a segment are explained differently, always by contributions that add up to ``margin``
(in the first case to its growth):

- ``position``, by distance: the margin of the new segment over the old is linear in the features, so its growth
  since the label was given is a sum over features (see ``scoring.margin_terms``).
- ``position``, by likelihood: the log-likelihood ratio of the whole remembered past, new segment over old, in
  order-days, click-days, baskets and discounts.
- ``change``: W of the new segment, the log-likelihood ratio by which the last weeks fit its table better than the
  customer's own rates, just as it was added up day by day, in order-days, click-days, baskets and discounts.
- ``first``, ``vanished``: the margin of the segment over the runner-up, measured from the border between
  the two; by likelihood as ``position``, the runner-up in place of the old segment.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from models.behaviour.features import SCALE_DAYS, bounded_exp, position_stats, readable
from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    FEATURES,
    LOG_BASKET,
    LONG,
    ORDER_DAYS,
    ORDERS,
    PARTS,
    RECENT_AT,
    REFERENCE,
    VECTOR,
    FloatArray,
    parts_of,
)
from models.behaviour.position import parts_of_likelihood
from models.behaviour.rhythm import Beat
from models.behaviour.scoring import Compiled, margin_of, margin_terms, own_habits, own_rates, placed
from models.behaviour.sums import plain_sum


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
    total = plain_sum([abs(row[3]) for row in rows]) or 1.0
    rows.sort(key=_rank)
    return tuple([Reason(name, before, after, term / total, term) for name, before, after, term in rows])


def _rank(row: tuple[str, float, float, float]) -> tuple[float, str]:
    return -abs(row[3]), row[0]


def why_moved(
    column: FloatArray, rhythm: Beat | None, c: Compiled, away: int, to: int
) -> tuple[FloatArray, float, tuple[Reason, ...]]:
    """Features (FEATURES + 1,), margin and reasons of a move by position, of a column (WIDTH, 1)."""
    stats = position_stats(column, rhythm)
    x, origin = placed(stats, c)[:, 0], column[REFERENCE, 0]
    if c.tables is None:
        return x, margin_of(x, c, away, to), position_reasons(x, origin, c, away, to)
    parts = parts_of_likelihood(stats, c, rhythm)[:, :, 0]
    return x, *likely_reasons(x, parts, readable(origin, c.model.frame.priors), c, away, to)


def why_assigned(
    column: FloatArray, rhythm: Beat | None, c: Compiled, to: int, runner_up: int | None
) -> tuple[FloatArray, float, tuple[Reason, ...]]:
    """The same of a first assignment; without a runner-up there is nothing to tell."""
    stats = position_stats(column, rhythm)
    x = placed(stats, c)[:, 0]
    if runner_up is None:
        return x, 0.0, ()
    if c.tables is None:
        return x, *border_reasons(x, c, to, runner_up)
    parts = parts_of_likelihood(stats, c, rhythm)[:, :, 0]
    return x, *likely_reasons(x, parts, _usual(c, runner_up), c, runner_up, to)


def _usual(c: Compiled, slot: int) -> dict[str, float]:
    """What members of a slot usually do, under the names of PARTS."""
    segment = next(s for s in c.model.segments if s.slot == slot)
    return {
        "orders": segment.order_rate * SCALE_DAYS,
        "clicks": segment.click_rate * SCALE_DAYS,
        "basket": bounded_exp(segment.log_basket),
        "discount_share": segment.discount,
    }


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
    return plain_sum([r.contribution for r in reasons]), reasons


def likely_reasons(
    x: FloatArray, parts: FloatArray, before: Mapping[str, float], c: Compiled, away: int, to: int
) -> tuple[float, tuple[Reason, ...]]:
    """Margin of ``to`` over ``away`` in nats, and the parts that it adds up to.

    Parameters
    ----------
    x
        Features of the customer.
    parts
        The customer's log-likelihood in each slot, (PARTS, K).
    before
        Readable features that those of ``x`` are shown beside.
    """
    after = features_of(x, c)
    terms = (parts[:, to] - parts[:, away]).tolist()
    rows = [(name, before[name], after[name], term) for name, term in zip(PARTS, terms, strict=True)]
    reasons = _ranked(rows)
    return plain_sum([r.contribution for r in reasons]), reasons


def change_reasons(column: FloatArray, c: Compiled, away: int, to: int) -> tuple[float, tuple[Reason, ...]]:
    """W of slot ``to``, and the parts that it adds up to; before and after are the usual rates and those of the window.

    ``column`` is the customer's column of the block, shape (WIDTH,).
    """
    window = np.maximum(column[RECENT_AT : RECENT_AT + VECTOR], 0.0)
    long, slot = column[LONG, None], np.array([away])
    basket, discount = own_habits(long, slot, c)
    rates = own_rates(long, slot, c)[:, 0] * SCALE_DAYS
    before = (*rates.tolist(), bounded_exp(float(basket[0])), float(discount[0]))
    after = (*(window[ORDER_DAYS : CLICK_DAYS + 1] * (SCALE_DAYS / max(window[EXPOSURE], 1.0))).tolist(), *before[2:])
    if window[ORDER_DAYS] > 0 and window[ORDERS] > 0:
        share = min(1.0, float(window[DISCOUNTED] / window[ORDERS]))
        after = (*after[:2], bounded_exp(float(window[LOG_BASKET] / window[ORDER_DAYS])), share)
    parts = parts_of(column)[:, to, 0].tolist()
    reasons = _ranked(list(zip(PARTS, before, after, parts, strict=True)))
    return plain_sum([r.contribution for r in reasons]), reasons


def features_of(x: FloatArray, c: Compiled) -> dict[str, float]:
    """Readable features of one feature vector of at least FEATURES numbers."""
    return readable(x[:FEATURES], c.model.frame.priors)
