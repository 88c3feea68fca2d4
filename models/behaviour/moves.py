"""Moves and their exact explanation.

Each path to a segment has its own explanation. Its contributions add up to ``margin``, or to the growth of the margin
for ``position`` by distance:

- ``position``, by distance: the margin of the new segment over the old is linear in the features, so its growth
  since the label was assigned is a sum over features (see ``scoring.margin_terms``).
- ``position``, by likelihood: the log-likelihood ratio of the whole remembered past, new segment over old, in
  order-days, click-days, baskets and discounts.
- ``change``: W of the new segment, the log-likelihood ratio by which the last weeks fit its table better than the
  customer's own rates, as added up day by day, in order-days, click-days, baskets and discounts.
- ``first``, ``vanished``: the margin of the segment over the runner-up, measured from the border between the two; by
  likelihood as for ``position``, with the runner-up in place of the old segment.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from models.behaviour.features import SCALE_DAYS, bounded_exp, in_units, readable
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
    VECTOR,
    FloatArray,
    parts_of,
)
from models.behaviour.position import Placed
from models.behaviour.scoring import Compiled, margin_of, margin_terms, own_habits, own_rates
from models.behaviour.sums import plain_sum


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One feature's contribution to a move.

    ``before`` and ``after`` are in natural units, ``contribution`` is in units of the margin, and ``share`` is the
    contribution over the sum of all absolute contributions (negative if it opposed the move).
    """

    feature: str
    before: float
    after: float
    share: float
    contribution: float


class Move(msgspec.Struct, frozen=True):
    """A customer's change of segment at the grid point of ``day``.

    Parameters
    ----------
    version
        The model version in force.
    cause
        ``event``, ``time`` or ``refit``; the last must never trigger a message.
    path
        ``first``, ``evidence`` (fell back to `new`), ``vanished``, ``change`` or ``position``.
    margin
        See the module docstring; 0 without a new real segment.
    confidence
        Between 0 and 1.
    reasons
        Largest absolute contribution first.
    features
        Readable features of the long memory at the move.
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
    there: Placed, at: int, origin: FloatArray, shown: Mapping[str, float], c: Compiled, away: int, to: int
) -> tuple[float, tuple[Reason, ...]]:
    """Return the margin and reasons of a move by position.

    Parameters
    ----------
    at
        Column of ``there``.
    origin
        Features when the label was assigned, (FEATURES,).
    shown
        Current readable features.
    """
    if there.parts is None:
        x = there.x[:, at]
        return margin_of(x, c, away, to), position_reasons(x, origin, c, away, to)
    return likely_reasons(shown, there.parts[:, :, at], readable(origin, c.model.frame.priors), away, to)


def why_assigned(
    there: Placed, at: int, shown: Mapping[str, float], c: Compiled, to: int, runner_up: int | None
) -> tuple[float, tuple[Reason, ...]]:
    """Return the margin and reasons of a first assignment; without a runner-up there are no reasons."""
    if runner_up is None:
        return 0.0, ()
    if there.parts is None:
        return border_reasons(there.x[:, at], c, to, runner_up)
    return likely_reasons(shown, there.parts[:, :, at], c.usual[runner_up], runner_up, to)


def position_reasons(x: FloatArray, origin: FloatArray, c: Compiled, away: int, to: int) -> tuple[Reason, ...]:
    """Return the features' contributions to the growth of the margin of ``to`` over ``away`` from ``origin`` to ``x``."""
    terms = margin_terms(x, origin, c, away, to)
    priors = c.model.frame.priors
    before, after = readable(origin, priors), readable(x, priors)
    return _ranked([(n, before[n], after[n], t) for n, t in zip(before, terms.tolist(), strict=True)])


def border_reasons(x: FloatArray, c: Compiled, to: int, runner_up: int) -> tuple[float, tuple[Reason, ...]]:
    """Return the margin of ``to`` over ``runner_up`` at ``x``, with reasons measured from the border between them."""
    border = (c.raw[to] + c.raw[runner_up]) / 2
    reasons = position_reasons(x, border, c, runner_up, to)
    return plain_sum([r.contribution for r in reasons]), reasons


def likely_reasons(
    after: Mapping[str, float], parts: FloatArray, before: Mapping[str, float], away: int, to: int
) -> tuple[float, tuple[Reason, ...]]:
    """Return the margin of ``to`` over ``away`` in nats, with its parts as reasons.

    Parameters
    ----------
    after, before
        Readable features of the customer, and those to compare them with.
    parts
        The customer's log-likelihood in each slot, (PARTS, K).
    """
    terms = (parts[:, to] - parts[:, away]).tolist()
    rows = [(name, before[name], after[name], term) for name, term in zip(PARTS, terms, strict=True)]
    reasons = _ranked(rows)
    return plain_sum([r.contribution for r in reasons]), reasons


def change_reasons(column: FloatArray, c: Compiled, away: int, to: int) -> tuple[float, tuple[Reason, ...]]:
    """Return W of slot ``to``, with its parts as reasons: the usual rates before, and those of the recent window after.

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


def all_features_of(x: FloatArray, c: Compiled) -> list[dict[str, float]]:
    """Return the readable features of each column of an array of at least FEATURES rows."""
    priors = c.model.frame.priors
    return [in_units(column, priors) for column in x[:FEATURES].T.tolist()]


def features_of(x: FloatArray, c: Compiled) -> dict[str, float]:
    """Return the readable features of one feature vector of at least FEATURES numbers."""
    return readable(x[:FEATURES], c.model.frame.priors)
