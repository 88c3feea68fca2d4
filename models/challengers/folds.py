"""Expanding folds in time with a gap: nothing is learned whose answer was unknown when the fold is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fold:
    """Places of questions to learn from, and of later ones to judge by."""

    learned: tuple[int, ...]
    judged: tuple[int, ...]


def expanding(days: Sequence[int], gap: int, folds: int) -> list[Fold]:
    """Folds over questions on ascending ``days``.

    The judged questions of all folds follow each other and reach to the end; each fold learns from every question
    whose answer is ``gap`` days old or older on the first judged day. Fewer folds where there are too few questions.

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
