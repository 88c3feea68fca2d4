"""Other methods for predicting an order, on the questions of `streamer.evaluate.predictions`.

They are a rule, a table, BG/NBD, and learners.

They learn from the same panel, and use nothing later than the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.challengers.hazards import by_cells
from models.challengers.kinds import KINDS, Params
from models.challengers.search import Asked, fitted
from models.prediction.dropout import Dropout
from models.prediction.dropout import fitted as fitted_dropout
from models.prediction.features import USUAL_GAP_DAYS
from models.prediction.hazard import WEEK, logistic
from models.prediction.model import HORIZON
from models.prediction.prior import shipped_dropout
from models.prediction.records import Records
from streamer.evaluate.challenge import asked_of_all, questions
from streamer.evaluate.predictions import Orders

LEARNERS: Final[Mapping[str, tuple[str, Params]]] = {
    "histogram boosting": ("boosting", {"learning_rate": 0.05, "max_leaf_nodes": 8}),
    "random forest": ("forest", {"min_samples_leaf": 20, "max_features": "sqrt"}),
    "SVM, RBF kernel": ("svm-rbf", {"C": 1.0, "gamma": 0.02}),
    "neural network, 32-16": ("mlp", {"alpha": 0.01}),
}
"""Learners with usual settings; `streamer learn challenge` searches for better ones."""
_LATENESS: Final = (2.0, 4.0, 6.0)
"""Borders of the lifecycle rule, in the customer's usual gaps."""
_CERTAIN: Final = 700.0


def peers(orders: Orders, panel: IntArray, day: int, hazard: FloatArray) -> dict[str, FloatArray]:
    """Return each method's predictions on a day, (n,) by name.

    Parameters
    ----------
    hazard
        Probabilities by the weekly hazard, (n,).
    """
    now = asked_of_all(orders, panel, day, HORIZON)
    past = list(questions(orders, panel, day, HORIZON, 4 * WEEK))
    if now is None or not past:
        return {}
    drops_out = _dropout(orders, panel, day, now.records)
    both = (_log_odds(hazard) + _log_odds(drops_out)) / 2.0
    found = {
        "lifecycle rule (lateness 2, 4, 6)": _by_rule(past, now),
        "25 cells of recency and frequency (the fallback)": by_cells(
            list(questions(orders, panel, day, WEEK, WEEK)), now, HORIZON
        ),
        "BG/NBD": drops_out,
    }
    for name, (kind, params) in LEARNERS.items():
        found[name] = fitted(KINDS[kind], params, past).chances(now.x)
    return found | {"mean log-odds of weekly hazard and BG/NBD": logistic(both)}


def bg_nbd(dropout: Dropout, records: Records, day: int, days: int) -> FloatArray:
    """Return the BG/NBD probability (n,) of an order in [day, day + days), by customers who have not dropped out.

    Customers drop out only after an order, so the inactivity of active customers has a Pareto distribution.
    """
    r, alpha, a, b = dropout.orders
    x, recency, age = records.orders - 1.0, records.last - records.first, day - records.first
    silence = (r + x) * np.log((alpha + age) / (alpha + recency))
    gone = a / (b + np.maximum(x, 1.0) - 1.0) * np.exp(np.minimum(silence, _CERTAIN))
    stays_silent = ((alpha + age) / (alpha + age + days)) ** (r + x)
    found: FloatArray = (1.0 - stays_silent) / (1.0 + np.where(x > 0, gone, 0.0))
    return found


def _dropout(orders: Orders, panel: IntArray, day: int, now: Records) -> FloatArray:
    known = orders.records(day)
    some = panel[known.orders[panel] > 0]
    learned = fitted_dropout(known.of(some), np.zeros(len(some)), day, shipped_dropout()[0])
    return bg_nbd(learned, now, day, HORIZON)


def _by_rule(past: list[Asked], now: Asked) -> FloatArray:
    """Return the share of earlier buyers in the same group of lateness, shrunk a little towards the overall share."""
    groups = np.concatenate([_group(one) for one in past])
    came = np.concatenate([one.came for one in past])
    count = np.bincount(groups, minlength=len(_LATENESS) + 1)
    share = (np.bincount(groups, came, len(_LATENESS) + 1) + 5.0 * came.mean()) / (count + 5.0)
    # The rule assumes that later customers are less likely to order; a young shop has hardly any in the latest group.
    falling = np.minimum.accumulate(share) - 1e-3 * np.arange(len(share))
    found: FloatArray = np.clip(falling[_group(now)], 1e-3, 1.0)
    return found


def _group(asked: Asked) -> IntArray:
    records = asked.records
    gap = (records.last - records.first + USUAL_GAP_DAYS) / records.orders
    return np.searchsorted(_LATENESS, (asked.day - records.last) / gap, side="right").astype(np.int64)


def _log_odds(chances: FloatArray) -> FloatArray:
    inside = np.clip(chances, 1e-6, 1.0 - 1e-6)
    found: FloatArray = np.log(inside / (1.0 - inside))
    return found
