"""Matches new clusters to old ones, and records the transitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.model import Segment, Transition

SAME = 0.3
"""Minimum Jaccard overlap of members at which a cluster keeps its identity."""
_PART = 0.5  # minimum share of members for a recorded split or merge


def overlaps(old: IntArray, new: IntArray, before: int, after: int) -> FloatArray:
    """Return the number of members that two labellings have in common, shape (before, after)."""
    table = np.zeros((before, after))
    np.add.at(table, (old, new), 1)
    return table


def carried(table: FloatArray, same: float = SAME) -> list[int | None]:
    """Return for each new cluster the old cluster that it continues, or None, by the best one-to-one Jaccard overlap."""
    from scipy.optimize import linear_sum_assignment

    union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
    jaccard = table / np.maximum(union, 1)
    found: list[int | None] = [None] * table.shape[1]
    for before, after in zip(*linear_sum_assignment(-jaccard), strict=True):
        if jaccard[before, after] >= same:
            found[int(after)] = int(before)
    return found


def in_order(old: Sequence[float], new: FloatArray, segments: Sequence[Segment]) -> list[Segment]:
    """Return for each new cluster on an axis the old segment of the same rank."""
    places = np.argsort(np.argsort(new))
    ascending = np.argsort(np.array(old))
    return [segments[int(ascending[place])] for place in places]


def transitions(table: FloatArray, old: Sequence[Segment], new: Sequence[Segment]) -> tuple[Transition, ...]:
    """Return the MONIC record: survive, split, merge, appear, vanish, with overlaps."""
    sizes, sizes_after = np.maximum(table.sum(axis=1), 1), np.maximum(table.sum(axis=0), 1)
    before_ids, after_ids = [s.segment_id for s in old], [s.segment_id for s in new]
    record = []
    for i, name in enumerate(before_ids):
        if name in after_ids:
            share = float(table[i, after_ids.index(name)] / sizes[i])
            record.append(Transition("survive", (name,), (name,), share))
        else:
            record.append(Transition("vanish", (name,), (), 1.0))
        parts = [j for j in range(len(new)) if table[i, j] / sizes_after[j] >= _PART]
        if len(parts) > 1:
            share = float(table[i, parts].sum() / sizes[i])
            record.append(Transition("split", (name,), tuple(after_ids[j] for j in parts), share))
    for j, name in enumerate(after_ids):
        if name not in before_ids:
            record.append(Transition("appear", (), (name,), 1.0))
        sources = [i for i in range(len(old)) if table[i, j] / sizes[i] >= _PART]
        if len(sources) > 1:
            share = float(table[sources, j].sum() / sizes_after[j])
            record.append(Transition("merge", tuple(before_ids[i] for i in sources), (name,), share))
    return tuple(record)
