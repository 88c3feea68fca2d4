"""A challenger that lanes can score: the weekly hazard with products of features, learned like the live model.

Once approved it replaces the shipped prior: the recursion continues from its belief, with its products, and forgets
towards its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.features import NAMES
from models.prediction.prior import shipped
from models.prediction.products import MOST, Pair, is_pair
from models.prediction.recursion import PRECISION, Belief
from schemas.errors import InvariantViolation


@dataclass(frozen=True, slots=True)
class Challenger:
    """Products of features, and a belief over the weights of the features followed by those of the products."""

    pairs: tuple[Pair, ...]
    belief: Belief

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "products": [list(pair) for pair in self.pairs],
            "mean": self.belief.mean.tolist(),
            "precision": self.belief.precision.tolist(),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Decode the output of ``to_dict``.

        Raises
        ------
        InvariantViolation
            It is not a challenger, or its features differ from this program's.
        """
        try:
            pairs = tuple((str(one), str(other)) for one, other in body["products"])
            mean = np.array(body["mean"], dtype=np.float64)
            precision = np.array(body["precision"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise InvariantViolation(f"challenger: cannot be read: {error}") from error
        size = len(NAMES) + len(pairs)
        if not all(map(is_pair, pairs)) or len(set(pairs)) != len(pairs) or len(pairs) > MOST:
            raise InvariantViolation("challenger: its features are not this program's")
        belief = Belief(mean, precision)
        if mean.shape != (size,) or precision.shape != (size, size) or not belief.is_sound:
            raise InvariantViolation("challenger: its weights do not fit its features")
        if not np.allclose(precision, precision.T) or np.linalg.eigvalsh(precision).min() <= 0:
            raise InvariantViolation("challenger: its precision is none")
        return cls(pairs, belief)


def widened(prior: Belief, pairs: Sequence[Pair], precision: float = PRECISION) -> Belief:
    """Return a belief over the features, with products added whose weights are 0 within ``precision``."""
    size, more = len(prior.mean), len(pairs)
    wide: FloatArray = precision * np.eye(size + more)
    wide[:size, :size] = prior.precision
    return Belief(np.concatenate([prior.mean, np.zeros(more)]), wide)


def prior_of(mean: Sequence[float]) -> Belief:
    """Return the belief that learning forgets towards: around the approved weights, or the shipped one without them."""
    return Belief.around(np.array(mean, dtype=np.float64)) if len(mean) else shipped()
