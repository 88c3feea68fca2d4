"""The noise-whitened frame: distances in units of the estimation noise of a customer.

Within-class covariance normalisation (Hatch, Kajarekar, Stolcke, *WCCN for SVM-based speaker recognition*, Interspeech
2006) with each customer as a class: differences between two samples of the same customer are noise, and differences
between customers beyond that are behaviour. It needs no labels, only two samples some weeks apart.
"""

from __future__ import annotations

import numpy as np

from models.behaviour.features import Priors
from models.behaviour.layout import FEATURES, HALF_LIFE_LONG, FloatArray, IntArray
from models.behaviour.model import NOISE_WHITENED, Frame
from models.learning.frame import borders, frame_of, informative_axes
from schemas.errors import InvariantViolation

LEAST_PAIRS = 50
"""Minimum number of customers sampled twice to separate noise from behaviour."""
_RIDGE = 0.02
_TRIM = 0.9  # a real change between the two samples is not noise
_TRIMS = 2
_LEAST_SIGNAL = 1.5  # an axis is dropped if its variance over its noise is below this
_LEAST_AXES = 3


def noise_of(now: FloatArray, before: FloatArray, lag_days: int) -> FloatArray:
    """Return the covariance of the estimation noise, from features (n, d) of the same customers at two times.

    The two samples share what the long memory keeps over the lag, so half the covariance of the differences is scaled
    up to that of one sample.
    """
    differences = now - before
    differences = differences - differences.mean(axis=0)
    kept = np.ones(len(differences), dtype=np.bool_)
    for _ in range(_TRIMS):
        inverse = np.linalg.pinv(np.atleast_2d(np.cov(differences[kept].T)))
        squared = np.einsum("ij,jk,ik->i", differences, inverse, differences)
        kept = squared <= np.quantile(squared, _TRIM)
    shared = 2 ** (-lag_days / HALF_LIFE_LONG)
    noise: FloatArray = np.atleast_2d(np.cov(differences[kept].T)) / (2 * (1 - shared))
    whole: FloatArray = noise + _RIDGE * float(np.trace(noise)) / len(noise) * np.eye(len(noise))
    return whole


def noise_whitened(x: FloatArray, priors: Priors, pairs: tuple[IntArray, FloatArray, int]) -> Frame:
    """Return the frame of features (n, FEATURES); one unit is one standard deviation of the noise.

    Parameters
    ----------
    pairs
        Rows of ``x`` that were seen before, their features then under the same priors, and the days between.

    Raises
    ------
    InvariantViolation
        Fewer than LEAST_PAIRS customers were seen twice, or all are alike.
    """
    rows, before, lag = pairs
    if len(rows) < LEAST_PAIRS:
        raise InvariantViolation("behaviour frame: too few customers were seen twice to measure noise")
    low, high = borders(x)
    clipped, earlier = np.clip(x, low, high), np.clip(before, low, high)
    used = informative_axes(clipped.std(axis=0))
    if not used:
        raise InvariantViolation("behaviour frame: customers do not differ, so there is nothing to whiten")
    noise = noise_of(clipped[rows][:, used], earlier[:, used], lag)
    values, vectors = np.linalg.eigh(noise)
    root = vectors @ np.diag(np.maximum(values, 1e-9) ** -0.5) @ vectors.T
    spread, turn = np.linalg.eigh(root @ np.atleast_2d(np.cov(clipped[:, used].T)) @ root)
    order = np.argsort(-spread)
    axes = max(min(_LEAST_AXES, len(used)), int((spread > _LEAST_SIGNAL).sum()))
    turn = turn[:, order[:axes]]
    # Fix the sign of each axis, which has no meaning, so that equal panels yield equal bytes.
    turn = turn * np.where(turn[np.abs(turn).argmax(axis=0), np.arange(axes)] < 0, -1.0, 1.0)
    weights = np.zeros((FEATURES, axes))
    weights[used] = root @ turn
    return frame_of(clipped.mean(axis=0), weights, low, high, priors, NOISE_WHITENED)
