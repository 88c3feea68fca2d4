"""Fallback of predictions to the 25 cells, and the return from it: the learned weights are tested every week.

Both predict a week before it ends. Weights that predict worse than a table of 25 probabilities are not used, whatever
the cause: a corrupted state, or a shop that changed abruptly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Final

KEEP: Final = 2 ** (-1 / 8)
"""Weekly decay factor of losses: a half-life of eight weeks."""
WORSE: Final = 0.01
"""Minimum relative excess of the weights' loss over the cells' that counts against the weights."""
LOOKS: Final = 3
"""Number of consecutive weeks required to fall back, and to return."""
_NOISE: Final = 2.0
"""Minimum excess in standard errors as well, so that a small shop does not fall back by chance."""
_CLOSED: Final = 1 / 3
"""A week with less than this share of the usual buyers is ignored: the shop was closed."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Recent performance of the weights.

    Attributes
    ----------
    loss, cells_loss
        Log losses of the weights and of the cells, decayed by KEEP per week.
    variance
        Variance of their difference, estimated over the customers of each week.
    usual
        Share of the asked customers who order in a week, decayed alike; 0 before the first week.
    against
        Consecutive weeks that counted against the predictor in force.
    fallen
        Whether the cells are in force.
    """

    loss: float = 0.0
    cells_loss: float = 0.0
    variance: float = 0.0
    usual: float = 0.0
    against: int = 0
    fallen: bool = False


def judged(trust: Trust, loss: float, cells_loss: float, variance: float, base_rate: float) -> Trust:
    """Update the trust with one more week.

    If ``fallen`` changes, the other predictor is in force. After a fallback the weights restart from the prior,
    because wrong weights learned from a year of answers would take another year to unlearn.

    Parameters
    ----------
    loss, cells_loss
        Log losses of the week; infinite if the weights predict no finite number, which causes an immediate fallback.
    variance
        Variance of the difference of the two, as a mean over customers.
    base_rate
        Share of the asked customers who ordered.
    """
    if not isfinite(loss):
        return Trust(usual=trust.usual, fallen=True)
    usual = base_rate if trust.usual == 0 else KEEP * trust.usual + (1 - KEEP) * base_rate
    if base_rate < _CLOSED * trust.usual:
        # A lasting low rate becomes the usual rate, and counts again after two months.
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
    # Restart both losses at zero, because past losses of one predictor are no evidence about the other.
    return Trust(usual=usual, fallen=not trust.fallen)
