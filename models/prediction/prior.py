"""The prior that is shipped: what an ordinary shop is like, learned from the simulated ``lifelike`` shop.

``python -m streamer.evaluate.prior`` learns it again, and a test compares. No real shop's data is in it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files

import numpy as np

from models.prediction.features import NAMES
from models.prediction.recursion import Belief
from schemas.errors import InvariantViolation

FILE = "prior.json"


@lru_cache(maxsize=1)
def shipped() -> Belief:
    """The shipped prior.

    Raises
    ------
    InvariantViolation
        The file does not fit the features.
    """
    weights: dict[str, float] = json.loads(files("models.prediction").joinpath(FILE).read_text(encoding="utf-8"))
    if tuple(weights) != NAMES:
        raise InvariantViolation("prediction prior: other features than this program has")
    return Belief.around(np.array(list(weights.values())))
