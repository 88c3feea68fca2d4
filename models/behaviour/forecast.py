"""Where one customer stands among the clusters and what comes next: for a person who asks, never for a lane.

Silence is run forward with the daily step itself (``daily_step.advance``), on a copy, so the date is the one on which the
lane will move the customer if nothing happens until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.daily_step import Standing, Timeline, advance, standing
from models.behaviour.features import block_of, position_stats
from models.behaviour.layout import AREA, FIRST_DAY, INTERACTION_COUNT, ORDER_COUNT, VERSION, FloatArray
from models.behaviour.levers import Lever, levers
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.scoring import compiled
from models.behaviour.step import beat

AHEAD_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to judge a customer by: orders and interactions of a lifetime, days since the first."""

    orders: int
    interactions: int
    age_days: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """Parameters
    ----------
    day
        Grid day of the standing.
    standing
        Segment, nearest other one, and the margin between them (0 on the border).
    border
        Margin above which the customer is on the way to the other segment, in the unit of the margin.
    filled
        How much of that way is gone, 0 to 1.
    levers
        What would bring the margin over the border, the smallest change first; empty where it is over.
    known
        What evidence there is.
    next
        The first move by silence alone within a year.
    """

    day: int
    model: ClusterModel
    standing: Standing
    border: float
    filled: float
    levers: tuple[Lever, ...]
    known: Known
    next: Move | None


def outlook(blob: bytes, timeline: Timeline, day: int, days: int = AHEAD_DAYS) -> Outlook | None:
    """The outlook of a customer at grid day ``day``; None before there was a model.

    Parameters
    ----------
    blob
        ``Memory.dump`` of the customer, as the state has it; it may stand at an earlier day, and the nights up to
        ``day`` are passed first, as the lane does when it touches the customer.
    """
    memory = Memory(1)
    row = memory.load(blob)
    rows = np.array([row], dtype=np.int64)
    day = max(day, memory.day_of(row))
    advance(memory, rows, np.array([day]), timeline)
    # A customer of a finished import was judged under versions that are in force from tomorrow on by the lane's clock.
    seen = int(memory.matrix[row, VERSION])
    models = [model for first, model in timeline if first <= day or model.version == seen]
    if not models:
        return None
    model = models[-1]
    stands = standing(memory, row, model)
    column = block_of(memory, rows)
    first = int(column[FIRST_DAY, 0])
    known = Known(int(column[ORDER_COUNT, 0]), int(column[INTERACTION_COUNT, 0]), day - first)
    filled = min(1.0, float(column[AREA, 0]) / model.preset.theta)
    ways = _levers(column, model, stands)
    moves = advance(memory, rows, np.array([day + days]), timeline)
    return Outlook(day, model, stands, model.preset.h, filled, ways, known, moves[0] if moves else None)


def _levers(column: FloatArray, model: ClusterModel, stands: Standing) -> tuple[Lever, ...]:
    own = None if stands.segment_id is None else model.by_id(stands.segment_id)
    other = None if stands.nearest_other is None else model.by_id(stands.nearest_other)
    if own is None or other is None or stands.margin > model.preset.h:
        return ()
    c = compiled(model)
    rhythm = beat(column, c)
    return levers(position_stats(column, rhythm), rhythm, c, own.slot, other.slot)
