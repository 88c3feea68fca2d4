"""Test that the reasons of a move are complete: applied to what was known before, they make the rules yield the move."""

from __future__ import annotations

from math import nan
from random import Random

import pytest
from heart_definitions import HEART_DEFINITIONS

from models.features.features import MISSING
from models.rules.bands import Bands
from models.rules.conditions import Compare, Member
from models.rules.declared import load
from models.rules.defaults import DEFAULTS
from models.rules.facts import Facts
from models.rules.segmentation import Segmentation

SEGMENTATIONS: list[Segmentation] = [
    *DEFAULTS.segmentations,
    *(one for text in HEART_DEFINITIONS for one in load(text, 2).segmentations),
]
MOVES = 10_000


def borders(segmentation: Segmentation) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Return the inputs of a segmentation, with the borders and words around which results differ."""
    numbers: dict[str, list[float]] = {}
    words: dict[str, list[str]] = {}
    for leaf in segmentation.leaves:
        if isinstance(leaf, Compare):
            numbers.setdefault(leaf.feature, []).extend((leaf.enter, leaf.exit))
        elif isinstance(leaf, Member):
            words.setdefault(leaf.segmentation, []).extend(sorted(leaf.segments))
    if isinstance(segmentation, Bands):
        numbers.setdefault(segmentation.feature, []).extend(
            border for band in segmentation.bands for border in (band.enter, band.exit)
        )
    return numbers, words


def some_facts(random: Random, segmentation: Segmentation) -> Facts:
    numbers, words = borders(segmentation)

    def number(near: list[float]) -> float:
        border = random.choice(near)
        if border == float("-inf") or random.random() < 0.1:
            return random.choice((nan, random.uniform(-5, 500)))
        return random.choice((border, border * random.uniform(0.5, 1.5), random.uniform(0, 10)))

    return Facts(
        {name: number(near) for name, near in numbers.items()},
        {name: random.choice([*near, "something else", MISSING]) for name, near in words.items()},
    )


@pytest.mark.parametrize("kept", [0.0, 0.7])
def test_stated_reasons_reproduce_ten_thousand_moves(kept: float) -> None:
    """``kept`` is how many of the facts stay unchanged."""
    random = Random(5)
    moves = stated = 0
    while moves < MOVES // 2:
        segmentation = random.choice(SEGMENTATIONS)
        before, now = some_facts(random, segmentation), some_facts(random, segmentation)
        for name in before.values:
            if random.random() < kept:
                now.values[name] = before.values[name]
        # Where a customer is after settling, the rules have nothing to add.
        current = segmentation.evaluate(None, before)
        for _ in range(9):
            current = segmentation.evaluate(current, before)
        if (
            segmentation.evaluate(current, before) != current
            or (after := segmentation.evaluate(current, now)) == current
        ):
            continue
        moves += 1
        reasons = segmentation.reasons(current, before, now)
        assert reasons
        patched = Facts(dict(before.values), dict(before.segments))
        for reason in reasons:
            stated += 1
            if reason.feature in patched.values:
                assert reason.after is None or isinstance(reason.after, float)
                patched.values[reason.feature] = nan if reason.after is None else reason.after
            else:
                assert reason.after is None or isinstance(reason.after, str)
                patched.segments[reason.feature] = reason.after or MISSING
        assert segmentation.evaluate(current, patched) == after, (segmentation.name, current, before, now, reasons)
    assert stated > moves
