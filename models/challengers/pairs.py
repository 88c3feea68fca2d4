"""Selection of products of features for the weekly hazard, one at a time.

Each step adds the product with the largest score statistic (Rao 1948), which estimates the gain in log-likelihood
without a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.challenger import widened
from models.prediction.features import NAMES, total
from models.prediction.hazard import logistic
from models.prediction.products import Pair, with_products
from models.prediction.recursion import Belief, refit

# Leave out the hinges and the level: there are many, and their products add little.
_CANDIDATES: Final = tuple(combinations_with_replacement([name for name in NAMES[1:] if "_from_" not in name], 2))
_STEPS: Final = 6


def ranked(x: FloatArray, came: FloatArray, prior: Belief, most: int) -> tuple[Pair, ...]:
    """Return the products that improve a weekly hazard most, best first, at most ``most``.

    Parameters
    ----------
    x
        Features of the weekly questions, (FEATURES, n).
    came
        Whether an order came in the week, 0 or 1, (n,).
    """
    pairs: tuple[Pair, ...] = ()
    while len(pairs) < most:
        wide = with_products(x, pairs)
        belief = refit(widened(prior, pairs), wide, came, _STEPS)
        scores = _scores(x, wide, came, belief)
        best = max(
            (pair for pair in _CANDIDATES if pair not in pairs),
            key=lambda pair: scores[_CANDIDATES.index(pair)],
        )
        pairs = (*pairs, best)
    return pairs


def _scores(x: FloatArray, wide: FloatArray, came: FloatArray, belief: Belief) -> Sequence[float]:
    chance = logistic(total(belief.mean, wide))
    spread, error = chance * (1.0 - chance), came - chance
    found = []
    for one, other in _CANDIDATES:
        z = x[NAMES.index(one)] * x[NAMES.index(other)]
        z = z - z.mean()
        # Remove the part of the product that the features explain.
        shared = wide @ (spread * z)
        left = float((spread * z * z).sum() - shared @ np.linalg.solve(belief.precision, shared))
        found.append(float((z * error).sum()) ** 2 / max(left, 1e-6))
    return found
