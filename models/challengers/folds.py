"""Expanding time folds with a gap, so that no fold learns from an outcome unknown on its first evaluated day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: indices of the questions to learn from, and of the later questions to evaluate."""

    learned: tuple[int, ...]
    judged: tuple[int, ...]


def expanding(days: Sequence[int], gap: int, folds: int) -> list[Fold]:
    """Return expanding folds over questions on ascending ``days``.

    The evaluated questions of consecutive folds are adjacent and reach to the end. Each fold learns from the questions
    asked at least ``gap`` days before its first evaluated day. With too few questions there are fewer folds.

    >>> [(fold.learned, fold.judged) for fold in expanding([0, 10, 20, 30, 40], 20, 2)]
    [((0,), (2, 3)), ((0, 1, 2), (4,))]
    """
    usable = [place for place, day in enumerate(days) if days[0] + gap <= day]
    size = max(1, -(-len(usable) // folds))
    found = []
    for at in range(0, len(usable), size):
        judged = usable[at : at + size]
        learned = [place for place, day in enumerate(days) if day + gap <= days[judged[0]]]
        found.append(Fold(tuple(learned), tuple(judged)))
    return found
