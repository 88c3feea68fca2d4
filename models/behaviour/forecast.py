"""A customer's position among the clusters and the next move to expect. Queries use it; lanes never do.

The simulation of inactivity runs the daily step itself (``daily_step.advance``) on a copy, so it finds the exact day on
which the lane will move the customer if no event arrives before then.
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
    """The evidence about a customer: lifetime orders and interactions, and days since the first event."""

    orders: int
    interactions: int
    age_days: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """A customer's position and the next move to expect.

    Parameters
    ----------
    day
        Grid day of the standing.
    standing
        Segment, nearest other segment, and the margin between them (0 on the border).
    border
        Margin above which the customer starts to move to the other segment, in the unit of the margin.
    filled
        Progress of that move, 0 to 1.
    levers
        Changes that would each bring the margin over the border, smallest first; empty if the margin is over it
        already.
    known
        The evidence.
    next
        The first move that inactivity alone causes within a year.
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
    """Return the outlook of a customer at grid day ``day``; None before the first model.

    Parameters
    ----------
    blob
        ``Memory.dump`` of the customer, as stored in the state. If it is at an earlier day, it is first stepped to
        ``day``, as the lane does when it touches the customer.
    """
    memory = Memory(1)
    row = memory.load(blob)
    rows = np.array([row], dtype=np.int64)
    day = max(day, memory.day_of(row))
    advance(memory, rows, np.array([day]), timeline)
    # After an import, a customer may have been stepped under a version that the lane's clock reaches only tomorrow.
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
