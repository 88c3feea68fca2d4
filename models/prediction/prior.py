"""The shipped prior: an ordinary shop, learned from the simulated ``lifelike`` shop.

``python -m streamer.evaluate.prior`` retrains it, and a test compares the two. It contains no real shop's data.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from models.prediction.dropout import Dropout
from models.prediction.features import NAMES
from models.prediction.recursion import Belief
from schemas.errors import InvariantViolation

FILE = "prior.json"


@lru_cache(maxsize=1)
def shipped() -> Belief:
    """Return the shipped prior of the weights.

    Raises
    ------
    InvariantViolation
        The file does not fit the features.
    """
    weights: dict[str, float] = _read()["weights"]
    if tuple(weights) != NAMES:
        raise InvariantViolation("prediction prior: features differ from this program's")
    return Belief.around(np.array(list(weights.values())))


@lru_cache(maxsize=1)
def shipped_dropout() -> tuple[Dropout, tuple[float, ...]]:
    """Return the shipped parameters of orders and money, and the shipped probabilities by recency and frequency."""
    found = _read()
    return Dropout.of(found["dropout"]), tuple(found["cells"])


@lru_cache(maxsize=1)
def shipped_basket() -> float:
    """Return the usual spend per order-day in the shop of the prior, minor units."""
    return float(_read()["usual_basket"])


def _read() -> Any:
    return json.loads(files("models.prediction").joinpath(FILE).read_text(encoding="utf-8"))
