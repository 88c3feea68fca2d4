"""The prediction recursion as River estimators, for River pipelines and for comparison with River's own models.

The owner takes one step for all answers of a week (``recursion``); here each row is one step, in order of arrival.
Rows may have any features: a weight exists from the first row with its feature.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from river import base

from models.behaviour.layout import FloatArray
from models.prediction.hazard import logistic
from models.prediction.recursion import PRECISION, Belief, forgotten, learned

_LEVEL = 0
"""Index of the intercept among the weights."""


class _Recursive:
    """Weights by feature with a common mean and precision; starts at a prior and forgets towards it.

    Parameters
    ----------
    precision
        Precision of the prior, whose mean is 0 for all weights, or ``prior``.
    half_life
        Number of rows after which half of what was learned has decayed to the prior; 0 forgets nothing.
    prior
        Weights known beforehand, by feature; ``level`` is the intercept.
    """

    def __init__(
        self, precision: float = PRECISION, half_life: float = 0.0, prior: Mapping[Any, float] | None = None
    ) -> None:
        self.precision = precision
        self.half_life = half_life
        self.prior = prior
        self._known: dict[Hashable, float] = dict(prior or {})
        self._places: dict[Hashable, int] = {}
        self._prior = self._belief = Belief.around(np.array([self._known.get("level", 0.0)]), precision)

    @property
    def weights(self) -> dict[Any, float]:
        """The posterior means of all weights, by feature."""
        found = {"level": float(self._belief.mean[_LEVEL])}
        return found | {name: float(self._belief.mean[place]) for name, place in self._places.items()}

    def _row(self, x: Mapping[Any, Any]) -> FloatArray:
        """Return the features (d,) that have weights, including the intercept."""
        row = np.zeros(len(self._belief.mean))
        row[_LEVEL] = 1.0
        for name, value in x.items():
            if (place := self._places.get(name)) is not None:
                row[place] = value
        return row

    def _learning(self, x: Mapping[Any, Any]) -> FloatArray:
        """Return the features of a row to learn, after adding weights for new features and forgetting towards the
        prior.
        """
        new = [name for name in x if name not in self._places]
        for name in new:
            self._places[name] = len(self._places) + 1
        if new:
            at_first = np.array([self._known.get(name, 0.0) for name in new])
            self._prior, self._belief = (_wider(one, at_first, self.precision) for one in (self._prior, self._belief))
        if self.half_life > 0:
            self._belief = forgotten(self._belief, self._prior, 1.0, self.half_life)
        return self._row(x)


def _wider(belief: Belief, at_first: FloatArray, precision: float) -> Belief:
    """Return the belief extended by more weights."""
    old, more = len(belief.mean), len(at_first)
    wide = precision * np.eye(old + more)
    wide[:old, :old] = belief.precision
    return Belief(np.concatenate([belief.mean, at_first]), wide)


class RecursiveClassifier(_Recursive, base.Classifier):
    """Logistic regression by the recursion of the weekly hazard: one Newton step per row; see `_Recursive`.

    Labels are True and False, or 1 and 0. It needs no learning rate, and its probabilities are calibrated. Features
    should have similar scales, because one precision applies to all weights.

    Examples
    --------
    >>> from river import preprocessing
    >>> model = preprocessing.StandardScaler() | RecursiveClassifier(precision=1.0)
    >>> for i in range(400):
    ...     model.learn_one({"x": i % 20}, i % 20 > 9)
    >>> model.predict_one({"x": 15}), round(model.predict_proba_one({"x": 2})[True], 1)
    (True, 0.0)
    """

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Take one step."""
        row = self._learning(x)
        self._belief = learned(self._belief, row[:, None], np.array([float(bool(y))]))

    def predict_proba_one(self, x: dict[Any, Any], **kwargs: Any) -> dict[Any, float]:
        """Return the probabilities of False and of True."""
        chance = float(logistic(np.array([_sum(self._belief.mean, self._row(x))]))[0])
        return {False: 1.0 - chance, True: chance}


class RecursiveRegressor(_Recursive, base.Regressor):
    """Linear regression by the same recursion, for example of the logarithm of money; see `_Recursive`.

    Examples
    --------
    >>> model = RecursiveRegressor(precision=0.01)
    >>> for i in range(100):
    ...     model.learn_one({"x": i % 7}, 3.0 + 2.0 * (i % 7))
    >>> round(model.predict_one({"x": 10.0}), 1)
    23.0
    """

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Take one step."""
        row = self._learning(x)
        belief, error = self._belief, float(y) - _sum(self._belief.mean, row)
        precision = belief.precision + np.outer(row, row)
        self._belief = Belief(belief.mean + np.linalg.solve(precision, row * error), precision)

    def predict_one(self, x: dict[Any, Any], **kwargs: Any) -> float:
        """Return the expected value for a row."""
        return _sum(self._belief.mean, self._row(x))


def _sum(weights: FloatArray, row: FloatArray) -> float:
    return float((weights * row).sum())
