"""The segment that fits a customer's past best, by likelihood or by distance to the centroids.

``Preset.statistic`` of a version chooses between the two. Both compute a score per slot, larger is better, and a margin
of one slot over another that is 0 where they tie: in nats by likelihood, in gaps between the two centroids by distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.behaviour.features import position_stats, short_stats
from models.behaviour.layout import FULL_SHORT, BoolArray, FloatArray, IntArray
from models.behaviour.likelihood import log_likelihood
from models.behaviour.model import MOST_NATS
from models.behaviour.rhythm import Beat
from models.behaviour.scoring import Compiled, placed, scores

REGULAR = 0.5
"""Regularity above which the short memory is also compared by distance.

If a customer's baskets never vary, the likelihood is slow to notice inactivity.
"""


def parts_of_likelihood(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> FloatArray:
    """Return the log-likelihood of statistics (VECTOR, n) by slot and part, (PARTS, K, n); undefined in dead slots.

    Parameters
    ----------
    rhythm
        The beat of the columns: the count of a regular buyer carries more weight.
    """
    assert c.tables is not None
    regular = np.zeros(stats.shape[1])
    if rhythm is not None:
        regular[rhythm.at] = rhythm.regular
    return log_likelihood(stats, c.tables, regular)


@dataclass(frozen=True, slots=True)
class Position:
    """Positions of customers, computed from their long memory.

    Parameters
    ----------
    stats
        Their statistics without the phase, (VECTOR, n).
    score
        In every slot, (K, n); minus infinity in dead ones.
    parts
        The summands of ``score``, (PARTS, K, n); None by distance.
    x
        Their coordinates in feature space, (FEATURES + 1, n); None by likelihood, which does not need them.
    """

    stats: FloatArray
    score: FloatArray
    parts: FloatArray | None
    x: FloatArray | None

    def of(self, columns: IntArray, c: Compiled) -> Placed:
        """Select columns, with their feature coordinates."""
        x = placed(self.stats[:, columns], c) if self.x is None else self.x[:, columns]
        return Placed(x, self.score[:, columns], None if self.parts is None else self.parts[:, :, columns])


@dataclass(frozen=True, slots=True)
class Placed:
    """Customers whose moves need reasons: a ``Position`` with ``x`` for all of them."""

    x: FloatArray
    score: FloatArray
    parts: FloatArray | None


def position_of(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> Position:
    """Return the position of customers from their long-memory statistics (VECTOR, n).

    Segment sizes have no prior weight: a customer must not move because a segment is large.
    """
    if c.tables is None:
        x = placed(stats, c)
        return Position(stats, scores(x, c), None, x)
    parts = parts_of_likelihood(stats, c, rhythm)
    return Position(stats, (parts[0] + parts[1]) + (parts[2] + parts[3]) + c.absent, parts, None)


def scores_of(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> FloatArray:
    """Return the scores of statistics (VECTOR, n) in every slot, (K, n); minus infinity in dead ones."""
    return position_of(stats, c, rhythm).score


def margins(score: FloatArray, best: IntArray, slot: IntArray, c: Compiled) -> FloatArray:
    """Return the margin of the slots ``best`` over the current slots, (n,), for the area; 0 without a segment."""
    each = np.arange(score.shape[1])
    lead = score[best, each] - score[np.minimum(slot, c.slots - 1), each]
    if c.tables is None:
        found: FloatArray = 2 * lead * c.inverse_gap.take(slot * c.slots + best)
        return found
    return np.where(slot < c.slots, np.minimum(lead, MOST_NATS), 0.0)


def margin_between(score: FloatArray, c: Compiled, away: int, to: int) -> float:
    """Return the margin of slot ``to`` over slot ``away`` by the scores (K,) of one customer, unbounded."""
    lead = float(score[to] - score[away])
    return lead if c.tables is not None else 2 * lead * float(c.inverse_gap[away * c.slots + to])


def preferred(column: FloatArray, rhythm: Beat | None, c: Compiled, away: int, to: int) -> bool:
    """Return whether one customer's long memory favours slot ``to`` over ``away``; ``column`` has shape (WIDTH, 1)."""
    score = scores_of(position_stats(column, rhythm), c, rhythm)[:, 0]
    return bool(score[to] > score[away])


def preferred_lately(column: FloatArray, rhythm: Beat | None, c: Compiled, away: int, to: int) -> bool:
    """Like `preferred`, for the short memory."""
    slots, sure = (np.array([away]), np.array([to])), np.ones(1, dtype=np.bool_)
    return bool(lately_nearer(short_stats(column, rhythm), c, rhythm, *slots, sure)[0])


def lately_nearer(
    stats: FloatArray, c: Compiled, rhythm: Beat | None, away: IntArray, to: IntArray, sure: BoolArray
) -> BoolArray:
    """Return whether the short memory is nearest to ``to`` or, if ``sure``, nearer to ``to`` than to ``away``, (n,).

    Parameters
    ----------
    away, to
        Slots, (n,).
    sure
        Customers suspected so strongly that a third slot may be even nearer, (n,).
    """
    each = np.arange(stats.shape[1])

    def nearer(near: FloatArray) -> BoolArray:
        found: BoolArray = (near.argmax(axis=0) == to) | (sure & (near[to, each] > near[away, each]))
        return found

    if c.tables is None:
        return nearer(scores(placed(stats, c, FULL_SHORT), c))
    likely = nearer(scores_of(stats, c, None))
    if rhythm is None:
        return likely
    regular = np.zeros(stats.shape[1], dtype=np.bool_)
    regular[rhythm.at] = rhythm.regular > REGULAR
    if not (regular & ~likely).any():
        return likely
    return likely | (regular & nearer(scores(placed(stats, c, FULL_SHORT), c)))
