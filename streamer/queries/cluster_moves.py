"""Predict the next cluster move of many customers at once; `models.behaviour.forecast` does so for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from models.behaviour.daily_step import advance
from models.behaviour.forecast import AHEAD_DAYS
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.customer.customer import Customer
from models.features.time import DayGrid
from streamer.core.ledger import Ledger
from streamer.core.timers import timeline_of


def cluster_moves(
    customers: Sequence[tuple[Customer, bytes]], ledger: Ledger, models: Mapping[int, ClusterModel], grid: DayGrid
) -> dict[str, tuple[str, int]]:
    """Return each customer's next cluster by inactivity alone and its time (ms), omitting customers who do not move.

    Parameters
    ----------
    customers
        Customers of one lane, each with its dumped memory.
    """
    found: dict[str, tuple[str, int]] = {}
    if not ledger.timeline:
        return found
    by_clock = sorted((one for one in customers if one[1]), key=lambda one: one[0].clock_id or "")
    for _, group in groupby(by_clock, key=lambda one: one[0].clock_id):
        some = list(group)
        clock_id = some[0][0].clock_id
        timeline = timeline_of(ledger, models, clock_id)
        memory = Memory(len(some))
        ids = {memory.load(blob): customer.id for customer, blob in some}
        rows = np.array(list(ids), dtype=np.int64)
        today = grid.day_of(ledger.clock_of(clock_id))
        days = np.array([max(today, memory.day_of(row)) for row in ids], dtype=np.int64)
        # Step the nights since the customer's last event; the lane has not applied their moves yet.
        advance(memory, rows, days, timeline)
        for move in advance(memory, rows, days + AHEAD_DAYS, timeline):
            found.setdefault(ids[move.row], (move.to_id, grid.instant(move.day)))
    return found
