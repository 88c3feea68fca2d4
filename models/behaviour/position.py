"""To which segment a customer's past belongs: by its likelihood in each, or by the distance to each centroid.

A version says which of the two it goes by (``Preset.statistic``). Both give a score a slot, the larger the better, and a
margin of one slot over another that is 0 where neither is better: in nats by likelihood, in gaps between the two
centroids by distance.
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
"""How regularly a customer buys from whom on the short memory is asked for the distance, too: its likelihood is slower
to tell that somebody stopped whose baskets never varied."""


def parts_of_likelihood(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> FloatArray:
    """Log-likelihood of statistics (VECTOR, n) in every slot in its parts, (PARTS, K, n); means nothing in dead slots.

    Parameters
    ----------
    rhythm
        The beat of the columns: the count of a regular buyer says more.
    """
    assert c.tables is not None
    regular = np.zeros(stats.shape[1])
    if rhythm is not None:
        regular[rhythm.at] = rhythm.regular
    return log_likelihood(stats, c.tables, regular)


@dataclass(frozen=True, slots=True)
class Position:
    """What the long memory of some customers says about where they belong.

    Parameters
    ----------
    stats
        Their statistics, free of the phase, (VECTOR, n).
    score
        In every slot, (K, n); minus infinity in dead ones.
    parts
        What ``score`` adds up, (PARTS, K, n); None by distance.
    x
        Their place in the frame, (FEATURES + 1, n); None by likelihood, which does not ask for it.
    """

    stats: FloatArray
    score: FloatArray
    parts: FloatArray | None
    x: FloatArray | None

    def of(self, columns: IntArray, c: Compiled) -> Placed:
        """Some of the columns, with their place in the frame."""
        x = placed(self.stats[:, columns], c) if self.x is None else self.x[:, columns]
        return Placed(x, self.score[:, columns], None if self.parts is None else self.parts[:, :, columns])


@dataclass(frozen=True, slots=True)
class Placed:
    """Customers about whom a reason is given: ``Position`` with ``x`` for all of them."""

    x: FloatArray
    score: FloatArray
    parts: FloatArray | None


def position_of(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> Position:
    """The position of statistics (VECTOR, n) of the long memory.

    How many customers a slot has does not count: nobody should be moved because others are many.
    """
    if c.tables is None:
        x = placed(stats, c)
        return Position(stats, scores(x, c), None, x)
    parts = parts_of_likelihood(stats, c, rhythm)
    return Position(stats, (parts[0] + parts[1]) + (parts[2] + parts[3]) + c.absent, parts, None)


def scores_of(stats: FloatArray, c: Compiled, rhythm: Beat | None) -> FloatArray:
    """Scores of statistics (VECTOR, n) in every slot, (K, n); minus infinity in dead ones."""
    return position_of(stats, c, rhythm).score


def margins(score: FloatArray, best: IntArray, slot: IntArray, c: Compiled) -> FloatArray:
    """Margin of the slots ``best`` over the own ones, (n,); 0 for who has none (slot K). What the area adds up."""
    each = np.arange(score.shape[1])
    lead = score[best, each] - score[np.minimum(slot, c.slots - 1), each]
    if c.tables is None:
        found: FloatArray = 2 * lead * c.inverse_gap.take(slot * c.slots + best)
        return found
    return np.where(slot < c.slots, np.minimum(lead, MOST_NATS), 0.0)


def margin_between(score: FloatArray, c: Compiled, away: int, to: int) -> float:
    """Margin of slot ``to`` over slot ``away`` by the scores (K,) of one customer, however large."""
    lead = float(score[to] - score[away])
    return lead if c.tables is not None else 2 * lead * float(c.inverse_gap[away * c.slots + to])


def preferred(column: FloatArray, rhythm: Beat | None, c: Compiled, away: int, to: int) -> bool:
    """Whether the long memory of one customer, a column (WIDTH, 1), speaks for slot ``to`` rather than ``away``."""
    score = scores_of(position_stats(column, rhythm), c, rhythm)[:, 0]
    return bool(score[to] > score[away])


def preferred_lately(column: FloatArray, rhythm: Beat | None, c: Compiled, away: int, to: int) -> bool:
    """The same of the short memory."""
    slots, sure = (np.array([away]), np.array([to])), np.ones(1, dtype=np.bool_)
    return bool(lately_nearer(short_stats(column, rhythm), c, rhythm, *slots, sure)[0])


def lately_nearer(
    stats: FloatArray, c: Compiled, rhythm: Beat | None, away: IntArray, to: IntArray, sure: BoolArray
) -> BoolArray:
    """Whether the short memory, statistics (VECTOR, n), is nearest to the slots ``to``; where ``sure``, nearer than to ``away``.

    Parameters
    ----------
    away, to
        Slots, (n,).
    sure
        Who is suspected strongly enough that a third slot may be nearer still, (n,).
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
