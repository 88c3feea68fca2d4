"""Weekly hazards as of a day: the live model, and the same model with products of features, which lanes can score too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.challengers.folds import Fold
from models.challengers.pairs import ranked
from models.challengers.search import Asked
from models.prediction.cells import CELLS, cell_of, chance_in_cells, chances_of, observe
from models.prediction.challenger import Challenger, widened
from models.prediction.hazard import WEEK, rolled
from models.prediction.judge import losses
from models.prediction.predictor import LATE_DAYS
from models.prediction.products import MOST, Pair, weekly_with, with_products
from models.prediction.recursion import Belief, forgotten, learned

COUNTS: Final = (1, 2, 4, MOST)
"""Numbers of products to try in the search."""
_MOST_ROWS: Final = 30_000


@dataclass(frozen=True, slots=True)
class FoundCount:
    """The number of products with the smallest log loss over the folds, and the loss of every trial."""

    count: int
    log_loss: float
    trials: tuple[tuple[int, float], ...]
    seconds: float


def closed(asked: Sequence[Asked], day: int, horizon: int) -> list[Asked]:
    """Return the questions whose outcome is known at the start of a day."""
    return [one for one in asked if one.day + horizon + LATE_DAYS <= day]


def belief_of(weekly: Sequence[Asked], pairs: Sequence[Pair], prior: Belief) -> Belief:
    """Return the belief after one learning step per answered week, in order, forgetting towards ``prior``."""
    belief = prior
    for one in weekly:
        belief = learned(forgotten(belief, prior, WEEK), with_products(one.x, pairs), one.came)
    return belief


def challenger_of(weekly: Sequence[Asked], count: int, prior: Belief) -> Challenger:
    """Return the hazard with the ``count`` products that improve it most on the answered weeks."""
    return learned_with(weekly, _ranked(weekly, count, prior), prior)


def learned_with(weekly: Sequence[Asked], pairs: tuple[Pair, ...], prior: Belief) -> Challenger:
    """Return the hazard with the given products, learned from the answered weeks."""
    return Challenger(pairs, belief_of(weekly, pairs, widened(prior, pairs)))


def _ranked(weekly: Sequence[Asked], count: int, prior: Belief) -> tuple[Pair, ...]:
    x, came = np.concatenate([one.x for one in weekly], axis=1), np.concatenate([one.came for one in weekly])
    return ranked(x[:, -_MOST_ROWS:], came[-_MOST_ROWS:], prior, count)


def chances_by(weights: FloatArray, pairs: Sequence[Pair], asked: Asked, horizon: int) -> FloatArray:
    """Return the probabilities (n,) of an order within the horizon, by a weekly hazard rolled forward without orders."""
    found: FloatArray = rolled(partial(weekly_with, weights, pairs), asked.records, asked.day, (horizon,))[0]
    return found


def by_cells(weekly: Sequence[Asked], asked: Asked, horizon: int) -> FloatArray:
    """Return the probabilities (n,) from the 25 cells of recency and frequency, learned from the answered weeks."""
    counts = np.zeros((2, CELLS))
    for one in weekly:
        observe(counts, cell_of(one.records, one.day), one.came)
    found: FloatArray = rolled(partial(chance_in_cells, chances_of(*counts)), asked.records, asked.day, (horizon,))[0]
    return found


def search_count(
    weekly: Sequence[Asked], asked: Sequence[Asked], folds: Sequence[Fold], prior: Belief, horizon: int
) -> FoundCount:
    """Select the number of products on the folds that the batch challengers are searched on.

    Each fold chooses its products, and learns, from the weeks whose outcomes were known on its first evaluated day.
    """
    start, found = process_time(), dict[int, list[FloatArray]]()
    for fold in folds:
        known = closed(weekly, asked[fold.judged[0]].day, WEEK)
        pairs = _ranked(known, max(COUNTS), prior)
        for count in COUNTS:
            one = learned_with(known, pairs[:count], prior)
            found.setdefault(count, []).extend(
                losses(chances_by(one.belief.mean, one.pairs, asked[at], horizon), asked[at].came) for at in fold.judged
            )
    trials = tuple((count, float(np.concatenate(found[count]).mean())) for count in COUNTS)
    best, loss = min(trials, key=lambda trial: trial[1])
    return FoundCount(best, loss, trials, process_time() - start)
