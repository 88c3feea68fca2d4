"""Fits the frame in which distances are measured. It is frozen between versions.

This module has ``standard`` and ``volume``; ``whitening`` has the noise-whitened frame, and ``frame_selection``
chooses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.behaviour.features import NAMES, Priors, feature_rows
from models.behaviour.layout import (
    DISCOUNTED,
    FEATURES,
    LOG_BASKET,
    ORDER_DAYS,
    ORDERS,
    FloatArray,
)
from models.behaviour.model import STANDARD, VOLUME, Frame

_BORDER = 0.005  # share of customers beyond each winsorising border
_VOLUME = (NAMES.index("orders"), NAMES.index("money"))
_CONSTANT = 0.07
"""Spread below which a feature counts as constant (7 % for log features), and the smallest unit of an axis."""
_ANY = NAMES.index("orders")  # the axis to use if no feature is informative


def fit_priors(stats: FloatArray) -> Priors:
    """Return the population means that replace a customer's own values without orders; ``stats`` is (VECTOR, n)."""
    bought = stats[ORDER_DAYS] > 0
    days = float(stats[ORDER_DAYS, bought].sum())
    orders = float(stats[ORDERS, bought].sum())
    basket = float(stats[LOG_BASKET, bought].sum()) / days if days > 0 else 0.0
    discount = float(stats[DISCOUNTED, bought].sum()) / orders if orders > 0 else 0.0
    return Priors(log_basket=basket, discount=min(max(discount, 0.01), 0.99))


def borders(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the winsorising borders of features (n, FEATURES)."""
    low, high = np.quantile(x, (_BORDER, 1 - _BORDER), axis=0)
    return low, high


def informative_axes(spread: FloatArray) -> list[int]:
    """Return the features that the shop records and that vary among customers; others would only repeat the orders."""
    silent = {j for j in range(FEATURES) if spread[j] <= _CONSTANT}
    if NAMES.index("clicks") in silent:
        silent.add(NAMES.index("browse_to_buy"))
    return [j for j in range(FEATURES) if j not in silent]


def standard(stats: FloatArray, priors: Priors) -> Frame:
    """Return the winsorised z-scores of the features of statistics (VECTOR, n); a constant feature gets no axis.

    If all features are constant, one axis remains, on which all customers have the same position.
    """
    mu, low, high, spread = _moments(stats, priors)
    axes = informative_axes(spread) or [_ANY]
    weights = np.zeros((FEATURES, len(axes)))
    for axis, j in enumerate(axes):
        weights[j, axis] = 1 / max(spread[j], _CONSTANT)
    return frame_of(mu, weights, low, high, priors, STANDARD)


def is_uninformative(frame: Frame) -> bool:
    """Return whether no feature of a standard frame varies among customers."""
    return max(map(max, frame.weights)) >= 1 / _CONSTANT


def volume(stats: FloatArray, gap_cv2: float | None = None) -> Frame:
    """Return one axis, purchase volume: the sum of the z-scores of orders and money, from statistics (VECTOR, n).

    Both are used as stored, without scaling by exposure, so that one number combines frequency, recency and money.
    """
    priors = replace(fit_priors(stats), least_part=1.0, gap_cv2=gap_cv2)
    mu, low, high, spread = _moments(stats, priors)
    used = [j for j in _VOLUME if spread[j] > _CONSTANT] or [_ANY]
    weights = np.zeros((FEATURES, 1))
    weights[used, 0] = 1 / np.maximum(spread[used], _CONSTANT)
    return frame_of(mu, weights, low, high, priors, VOLUME)


def _moments(stats: FloatArray, priors: Priors) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the means, borders and standard deviations of the winsorised features, each (FEATURES,)."""
    x = np.ascontiguousarray(feature_rows(stats, priors)[:FEATURES].T)
    low, high = borders(x)
    clipped = np.clip(x, low, high)
    return clipped.mean(axis=0), low, high, clipped.std(axis=0)


def frame_of(
    mu: FloatArray, weights: FloatArray, low: FloatArray, high: FloatArray, priors: Priors, kind: str
) -> Frame:
    """Freeze the parameters into a `Frame`."""
    return Frame(
        mu=tuple(mu.tolist()),
        weights=tuple(tuple(row) for row in weights.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        priors=priors,
        kind=kind,
    )


def into_frame(x: FloatArray, frame: Frame) -> FloatArray:
    """Map features (n, FEATURES) to points of the frame (n, axes)."""
    clipped = np.clip(x, np.array(frame.low), np.array(frame.high))
    return np.asarray((clipped - np.array(frame.mu)) @ np.array(frame.weights))


def silent_features(frame: Frame) -> list[int]:
    """Return the indices of the features that have no weight in a frame."""
    return [j for j, row in enumerate(frame.weights) if not any(row)]
