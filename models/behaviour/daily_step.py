"""The daily step: advance each customer to a grid day and move some to another segment.

``advance`` treats each row independently: the result is identical to the last bit for any grouping of rows and days
into calls.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour import step
from models.behaviour.features import block_of, position_stats
from models.behaviour.layout import DAY, STEPPED, IntArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move, features_of
from models.behaviour.position import margin_between, scores_of
from models.behaviour.scoring import compiled, confidence_of, placed
from models.behaviour.transition_test import TransitionTest

CHUNK: Final = 1200
"""Approximate number of customers stepped together; they fit the cache. A power of two would cause cache conflicts."""

Timeline = Sequence[tuple[int, ClusterModel]]
"""Models by the first grid day on which they are in force, ascending; the latest one that has begun applies.

Keep earlier versions as long as customers may carry their labels: to find the cause of a move, the customer is scored
again under the version that assigned the old label, or under the next one if that version is gone.
"""


def advance(memory: Memory, rows: IntArray, targets: IntArray, timeline: Timeline) -> list[Move]:
    """Step each row from its own day to its target day; grid point d closes day d - 1.

    Parameters
    ----------
    memory
        Changed in place: its rows, and the buckets of closed days, which are dropped.
    rows, targets
        Shape (n,): distinct rows, and the grid day each must reach. A target at or before the row's day leaves the row
        unchanged.
    timeline
        See ``Timeline``. Without a model in force memories age, but no customer has a segment.

    Returns
    -------
    list[Move]
        Sorted by day, then row.
    """
    starts = memory.matrix[rows, DAY].astype(np.int64)
    first_days = [first for first, _ in timeline]
    moves: list[Move] = []
    for target in np.unique(targets[targets > starts]).tolist():
        chosen = np.flatnonzero((targets == target) & (starts < target))
        # Sorted by start day, so that the rows active on a day are the first columns of the block.
        chosen = chosen[np.argsort(starts[chosen], kind="stable")]
        # Parts of equal size: a small part costs nearly as much as a large one.
        for part in np.array_split(chosen, max(1, round(len(chosen) / CHUNK))):
            _step_chunk(memory, rows[part], starts[part], target, timeline, first_days, moves)
    moves.sort(key=lambda move: (move.day, move.row))
    return moves


def _step_chunk(
    memory: Memory,
    rows: IntArray,
    starts: IntArray,
    target: int,
    timeline: Timeline,
    first_days: list[int],
    moves: list[Move],
) -> None:
    block = block_of(memory, rows)
    buckets: dict[int, tuple[list[int], list[list[float]]]] = {}
    filled = memory.buckets
    for column, (row, start) in enumerate(zip(rows.tolist(), starts.tolist(), strict=True)) if filled else ():
        if row in filled:
            columns, lists = buckets.setdefault(start, ([], []))
            columns.append(column)
            lists.append(filled.pop(row))
    judge: TransitionTest | None = None
    for day in range(int(starts[0]) + 1, target + 1):
        under_way = int(np.searchsorted(starts, day)) if starts[-1] >= day else len(rows)
        part = block[:, :under_way]
        closing = buckets.get(day - 1)
        happened = (
            None if closing is None else step.close_bucket(part, np.array(closing[0], dtype=np.int64), closing[1])
        )
        part[DAY] = day
        index = bisect_right(first_days, day) - 1
        if index < 0:
            step.age(part, happened)
        else:
            model = timeline[index][1]
            if judge is None or judge.model is not model or judge.columns != under_way:
                judge = TransitionTest(part, rows, compiled(model), timeline)
            moves += judge.close(day, happened)
        if day < target:
            part[:STEPPED] = part[:STEPPED].astype(np.float32)
    memory.matrix[rows] = block.astype(np.float32).T


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer's position relative to the two nearest segments, in readable units.

    ``margin`` is the margin of the next best segment over the current one: 0 on the border, negative while the current
    segment is better. Its unit is nats or, by distance, the gap between the two centroids. ``confidence`` is that of
    the current segment.
    """

    segment_id: str | None
    nearest_other: str | None
    margin: float
    confidence: float
    features: dict[str, float]


def standing(memory: Memory, row: int, model: ClusterModel) -> Standing:
    """Return the position of one row after its last step, without today's bucket."""
    c = compiled(model)
    block = block_of(memory, np.array([row]))
    rhythm = step.beat(block, c)
    stats = position_stats(block, rhythm)
    score = scores_of(stats, c, rhythm)[:, 0]
    code = memory.segment_code(row)
    slot = int(c.slot_of(np.array([code]))[0])
    shown = features_of(placed(stats, c)[:, 0], c)
    if slot == c.slots:
        return Standing(model.id_of(code), None, 0.0, 0.0, shown)
    others = score.copy()
    others[slot] = -np.inf
    other = int(others.argmax())
    if not np.isfinite(others[other]):
        return Standing(model.id_of(code), None, 0.0, 1.0, shown)
    margin = margin_between(score, c, slot, other)
    return Standing(model.id_of(code), model.id_of(int(c.codes[other])), margin, confidence_of(score, slot), shown)
