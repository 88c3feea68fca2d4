"""Learning of the weights: a mean and a precision, one Newton step per week, forgetting towards a prior.

A recursive Laplace approximation of Bayesian logistic regression (Spiegelhalter & Lauritzen, *Sequential updating of
conditional probabilities on directed graphical structures*, Networks 1990) with exponential forgetting: no learning
rate, no dependence on row order, and a shop's year takes a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.features import total
from models.prediction.hazard import logistic

PRECISION: Final = 10.0
"""Precision of the shipped prior. It is weak: 200 customers outweigh it within weeks."""
MEMORY_DAYS: Final = 365.0
"""Half-life of learned weights, in days; they decay towards the prior."""


@dataclass(frozen=True, slots=True)
class Belief:
    """The distribution of the weights: mean (d,) and precision (d, d)."""

    mean: FloatArray
    precision: FloatArray

    @classmethod
    def around(cls, mean: FloatArray, precision: float = PRECISION) -> Belief:
        """Return a belief centred on ``mean`` with the same precision for every weight."""
        return cls(mean, precision * np.eye(len(mean)))

    @property
    def is_sound(self) -> bool:
        """Return whether all numbers are finite."""
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.precision).all())


def forgotten(belief: Belief, prior: Belief, days: float, memory_days: float = MEMORY_DAYS) -> Belief:
    """Return the belief after ``days`` of forgetting towards the prior."""
    keep = 2 ** (-days / memory_days)
    precision = keep * belief.precision + (1 - keep) * prior.precision
    information = keep * belief.precision @ belief.mean + (1 - keep) * prior.precision @ prior.mean
    mean: FloatArray = np.asarray(np.linalg.solve(precision, information), dtype=np.float64)
    return Belief(mean, precision)


def learned(belief: Belief, x: FloatArray, bought: FloatArray) -> Belief:
    """Return the belief after a batch of answers: one Newton step.

    Parameters
    ----------
    x
        Features at the time of the question, (d, n).
    bought
        Whether the customer ordered in the week, 0 or 1, (n,).
    """
    chance = logistic(total(belief.mean, x))
    precision = belief.precision + (x * (chance * (1 - chance))) @ x.T
    return Belief(belief.mean + np.linalg.solve(precision, x @ (bought - chance)), precision)


def refit(prior: Belief, x: FloatArray, bought: FloatArray, steps: int = 12) -> Belief:
    """Return the most likely weights given all answers at once, by Newton's method; the reference for the recursion."""
    mean = prior.mean
    precision = prior.precision
    for _ in range(steps):
        chance = logistic(total(mean, x))
        precision = prior.precision + (x * (chance * (1 - chance))) @ x.T
        slope = x @ (bought - chance) - prior.precision @ (mean - prior.mean)
        mean = mean + np.linalg.solve(precision, slope)
    return Belief(mean, precision)
