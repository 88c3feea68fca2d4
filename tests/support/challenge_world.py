"""Simulate shops with only orders for challengers: one where the live model is right, one with a planted interaction."""

from __future__ import annotations

import numpy as np

from models.behaviour.bucket import B_ORDERS, B_WIDTH
from models.behaviour.layout import IntArray
from models.prediction.features import NAMES, features, total
from models.prediction.hazard import WEEK, logistic
from models.prediction.prior import shipped
from models.prediction.records import Records
from streamer.evaluate.activity import Activity

PLANTED = ("age", "cadence")


def planted(seed: int, customers: int, days: int, weight: float) -> Activity:
    """Return customers whose weekly hazard is the shipped prior's plus ``weight`` times a product of two features."""
    rng = np.random.default_rng(seed)
    joined = rng.integers(0, days // 3, customers)
    records, day_of, who_of = Records.empty(customers), [], []
    for week in range(0, days - WEEK + 1, WEEK):
        new = np.flatnonzero((joined >= week) & (joined < week + WEEK))
        known = np.flatnonzero(records.orders > 0)
        comes = new
        if len(known):
            x = features(records.of(known), week)
            product = np.clip(x[NAMES.index(PLANTED[0])] * x[NAMES.index(PLANTED[1])], -3.0, 3.0)
            chance = logistic(total(shipped().mean, x) + weight * product)
            comes = np.concatenate([new, known[rng.random(len(known)) < chance]])
        day = rng.integers(week, week + WEEK, len(comes))
        for at in range(week, week + WEEK):
            some = np.unique(comes[day == at]).astype(np.int64)
            if len(some):
                records.note(at, some)
                day_of += [at] * len(some)
                who_of += some.tolist()
    return activity_of(np.array(day_of), np.array(who_of), customers, days)


def activity_of(day: IntArray, who: IntArray, customers: int, days: int) -> Activity:
    """Return the activity of order-days, ascending by day."""
    buckets = np.zeros((len(day), B_WIDTH))
    buckets[:, B_ORDERS] = 1.0
    met = np.full(customers, days)
    np.minimum.at(met, who, day)
    counts = np.bincount(day, minlength=days)
    return Activity([f"c{i}" for i in range(customers)], 19_000, days, day, who, buckets, counts, met)
