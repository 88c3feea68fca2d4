"""Learn the shipped prior of the predictions anew: ``python -m streamer.evaluate.prior``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

import models.prediction
from models.prediction.features import NAMES
from models.prediction.prior import FILE
from models.prediction.recursion import Belief, refit
from streamer.evaluate.activity import of_shop
from streamer.evaluate.predictions import Orders, answers, panel_of
from streamer.simulator.config import ShopConfig

SHOP: Final = ShopConfig(customers=1_500, seed=1, scenario="lifelike")
_RIDGE: Final = 10.0
_DIGITS: Final = 4


def learn() -> dict[str, float]:
    """Weights by feature: all weekly answers of the simulated shop's year, with a ridge towards zero."""
    activity = of_shop(SHOP)
    closed = list(answers(Orders(activity), panel_of(activity.customers), activity.days))
    x, came = np.concatenate([x for _, x, _ in closed], axis=1), np.concatenate([came for _, _, came in closed])
    found = refit(Belief.around(np.zeros(len(NAMES)), _RIDGE), x, came)
    return {name: round(weight, _DIGITS) for name, weight in zip(NAMES, found.mean.tolist(), strict=True)}


def main() -> None:
    """Write the prior beside the code."""
    path = Path(models.prediction.__path__[0]) / FILE
    path.write_text(json.dumps(learn(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
