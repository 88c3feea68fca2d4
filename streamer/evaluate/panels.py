"""Tests whether independent panels find the same segments and names."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.model import ClusterModel
from models.learning.backtest import NoiseSample
from models.learning.build import Sample, build, labels_under
from models.learning.frame_selection import fit_frame
from models.learning.kmeans import adjusted_rand, multi_start
from models.learning.learner import LearnerConfig

PANELS = 6


def agreement(
    now: NoiseSample, before: NoiseSample, recency: FloatArray, model: ClusterModel, size: int, seed: int
) -> tuple[float, float, float]:
    """Return the worst and mean share of customers to whom two panels assign the same name, and the mean ARI of panels.

    Parameters
    ----------
    now, before
        Samples of all customers on two days, some weeks apart.
    recency
        Days since the last event, of the customers of ``now``.
    model
        Determines the kind of frame and the number of segments; each panel fits everything else anew.
    size
        Customers in a panel; panels are disjoint if there are enough customers.
    """
    rng = np.random.default_rng(seed)
    count = len(now.customers)
    order = np.concatenate([rng.permutation(count) for _ in range(1 + PANELS * size // max(count, 1))])
    everybody = _sample(now, recency, np.arange(count))
    found: list[tuple[list[str], IntArray]] = []
    for number in range(PANELS):
        chosen = np.unique(order[number * size : (number + 1) * size])
        sample = _sample(now, recency, chosen)
        frame = fit_frame(model.frame.kind, sample, [before], range(model.k, model.k + 1), rng, {})
        fit = multi_start(sample.points(frame), model.k, rng)
        config = LearnerConfig()
        made = build(
            sample, frame, fit, [None] * model.k, version=1, parent=None, preset=config.preset, evidence=config.evidence
        )
        found.append(([s.name for s in made.segments], labels_under(made, everybody)))
    same = [
        float((np.array(a_names)[a] == np.array(b_names)[b]).mean())
        for (a_names, a), (b_names, b) in combinations(found, 2)
    ]
    return (
        min(same),
        float(np.mean(same)),
        float(np.mean([adjusted_rand(a, b) for (_, a), (_, b) in combinations(found, 2)])),
    )


def _sample(look: NoiseSample, recency: FloatArray, chosen: IntArray) -> Sample:
    return Sample(
        day=look.day,
        stats=look.stats[:, chosen].astype(np.float64),
        recency=recency[chosen],
        diaries=(),
        customers=tuple(look.customers[at] for at in chosen.tolist()),
    )
