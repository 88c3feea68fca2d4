"""When predictions fall back to the 25 cells, and when they come back: the learned weights must earn their place every week.

Both say what a week will bring before it is over. Weights that do worse than a table of 25 chances are not worth having,
whatever made them so: a poisoned state, or a shop that changed at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Final

KEEP: Final = 2 ** (-1 / 8)
"""What is left of a week's loss a week later: half in eight weeks."""
WORSE: Final = 0.01
"""Share by which the loss of the weights must exceed that of the cells to speak against them."""
LOOKS: Final = 3
"""Weeks in a row that it takes to fall back, and to come back."""
_NOISE: Final = 2.0
"""Standard errors by which it must exceed it as well, lest a small shop falls back by chance."""
_CLOSED: Final = 1 / 3
"""A week in which less than this share of the usual customers ordered says nothing: the shop was closed."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How the weights have done lately.

    Attributes
    ----------
    loss, cells_loss
        Log losses of the weights and of the cells, each week's times KEEP for each week since.
    variance
        Of the difference of both, from that of the customers of each week.
    usual
        Share of the asked who order in a week, fading alike; 0 before the first.
    against
        Weeks in a row that spoke against what is in force.
    fallen
        The cells are in force.
    """

    loss: float = 0.0
    cells_loss: float = 0.0
    variance: float = 0.0
    usual: float = 0.0
    against: int = 0
    fallen: bool = False


def judged(trust: Trust, loss: float, cells_loss: float, variance: float, base_rate: float) -> Trust:
    """The trust after one more week.

    Where ``fallen`` differs from before, what is in force changes; who falls back starts the weights again from the
    prior, since wrong ones that have been learned from a year of answers would take another year to unlearn.

    Parameters
    ----------
    loss, cells_loss
        Log losses of the week; infinite where the weights say no number at all, which need not be said three times.
    variance
        Of the difference of the two, as a mean over customers.
    base_rate
        Share of the asked who ordered.
    """
    if not isfinite(loss):
        return Trust(usual=trust.usual, fallen=True)
    usual = base_rate if trust.usual == 0 else KEEP * trust.usual + (1 - KEEP) * base_rate
    if base_rate < _CLOSED * trust.usual:
        # What stays so becomes usual, and counts again after two months.
        return replace(trust, usual=usual)
    after = replace(
        trust,
        loss=KEEP * trust.loss + loss,
        cells_loss=KEEP * trust.cells_loss + cells_loss,
        variance=KEEP**2 * trust.variance + variance,
        usual=usual,
    )
    worse_by = after.loss - after.cells_loss
    border = 0.0 if trust.fallen else max(WORSE * after.cells_loss, _NOISE * sqrt(after.variance))
    speaks_against = worse_by < border if trust.fallen else worse_by > border
    if not speaks_against:
        return replace(after, against=0)
    if after.against + 1 < LOOKS:
        return replace(after, against=after.against + 1)
    # Each side begins with a clean slate: what the other has lost is no evidence for or against it.
    return Trust(usual=usual, fallen=not trust.fallen)
