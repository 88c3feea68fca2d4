"""Quality of predictions: ranking, calibration, and loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.behaviour.layout import FloatArray


@dataclass(frozen=True, slots=True)
class Judgement:
    """Metrics of one set of predictions and outcomes.

    Attributes
    ----------
    auc
        Probability that a buyer was ranked above a non-buyer; ties count half.
    brier, log_loss
        Mean squared error, and mean negative log-likelihood.
    ece
        Expected calibration error over ten equally large groups.
    ratio
        Predicted number of buyers over the actual number.
    lift
        Share of buyers among the tenth with the highest probability, over that among all.
    """

    auc: float
    brier: float
    log_loss: float
    ece: float
    ratio: float
    lift: float


def judge(chances: FloatArray, came: FloatArray) -> Judgement:
    """Evaluate probabilities (n,) against outcomes ``came`` (n,), 0 or 1."""
    order = np.argsort(chances, kind="stable")
    groups = [group for group in np.array_split(order, 10) if len(group)]
    return Judgement(
        auc=auc(chances, came),
        brier=float(((chances - came) ** 2).mean()),
        log_loss=float(losses(chances, came).mean()),
        ece=sum(len(g) * abs(float(chances[g].mean() - came[g].mean())) for g in groups) / len(chances),
        ratio=float(chances.sum() / max(float(came.sum()), 1e-9)),
        lift=float(came[groups[-1]].mean() / max(float(came.mean()), 1e-9)),
    )


def losses(chances: FloatArray, came: FloatArray) -> FloatArray:
    """Return the negative log-likelihood of each outcome (n,)."""
    p = np.clip(chances, 1e-9, 1 - 1e-9)
    found: FloatArray = -(came * np.log(p) + (1 - came) * np.log(1 - p))
    return found


def auc(chances: FloatArray, came: FloatArray) -> float:
    """Return the area under the ROC curve; .5 if all outcomes are equal.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.875
    """
    values, inverse, counts = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    yes = float(came.sum())
    no = len(came) - yes
    if not len(values) or yes == 0 or no == 0:
        return 0.5
    return float((ranks[came > 0].sum() - yes * (yes + 1) / 2) / (yes * no))
