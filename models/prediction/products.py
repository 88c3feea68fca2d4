"""Products of two features, which an approved challenger adds to the features of the weekly hazard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.features import NAMES, features, total
from models.prediction.hazard import logistic
from models.prediction.records import Records

Pair = tuple[str, str]
MOST: Final = 8
"""Maximum number of products in a version."""


def with_products(x: FloatArray, pairs: Sequence[Pair]) -> FloatArray:
    """Return the features (FEATURES, n) followed by one row for each pair: (FEATURES + pairs, n)."""
    if not pairs:
        return x
    rows = [x[NAMES.index(one)] * x[NAMES.index(other)] for one, other in pairs]
    extended: FloatArray = np.concatenate([x, np.stack(rows)])
    return extended


def weekly_with(
    weights: FloatArray, pairs: Sequence[Pair], records: Records, day: int | FloatArray, silent_days: int = 0
) -> FloatArray:
    """Return `models.prediction.hazard.weekly` with weights (FEATURES + pairs,) of features and products."""
    return logistic(total(weights, with_products(features(records, day, silent_days), pairs)))


def gradient(weights: FloatArray, pairs: Sequence[Pair], x: FloatArray) -> FloatArray:
    """Return the derivative of the log-odds by each feature at points ``x`` (FEATURES, ...), same shape."""
    plain = np.asarray(weights[: len(NAMES)], dtype=np.float64)
    found: FloatArray = np.broadcast_to(plain.reshape(-1, *[1] * (x.ndim - 1)), x.shape).copy()
    for (one, other), weight in zip(pairs, weights[len(NAMES) :].tolist(), strict=True):
        first, second = NAMES.index(one), NAMES.index(other)
        found[first] += weight * x[second]
        found[second] += weight * x[first]
    return found


def is_pair(pair: Sequence[str]) -> bool:
    """Return whether both names are features of this program."""
    return len(pair) == 2 and all(name in NAMES for name in pair)
