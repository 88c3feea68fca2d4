"""The truth of a simulated shop as arrays over its days."""

from __future__ import annotations

import numpy as np

from streamer.evaluate.activity import Activity
from streamer.evaluate.metrics import LONG_AGO, Truth
from streamer.simulator.population import KINDS
from streamer.simulator.truth import CustomerTruth


def over_days(customers: list[CustomerTruth], activity: Activity) -> Truth:
    """Return the archetype of each customer at each grid day."""
    number = {kind.name: at for at, kind in enumerate(KINDS)}
    kind = np.full((activity.days + 1, len(customers)), -1, dtype=np.int8)
    changed = np.full(len(customers), LONG_AGO, dtype=np.int64)
    after = np.full(len(customers), -1, dtype=np.int64)
    for at, customer in enumerate(customers):
        for day, name in customer.spells:
            kind[day:, at] = number[name]
        if len(customer.spells) > 1:
            changed[at], after[at] = customer.spells[-1][0], number[customer.spells[-1][1]]
    return Truth(kind, activity.met, changed, after)
