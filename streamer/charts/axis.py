"""Axes: lines at round values, labels below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from streamer.charts.figure import rule
from streamer.charts.labels import text, width

GAP: Final = 8.0


def grid(
    steps: Sequence[float], left: float, right: float, y_of: Callable[[float], float], shown: Callable[[float], str]
) -> str:
    """Draw a line at each value, with the value in front of it."""
    return "".join(
        rule(left, y_of(step), right, y_of(step))
        + text(left - GAP / 2, y_of(step), shown(step), anchor="end", kind="number dim")
        for step in steps
    )


def under(labels: Sequence[str], left: float, each: float, room: float, y: float) -> str:
    """Draw the labels below an axis: every n-th, so that they do not overlap or exceed the edges."""
    halves = [width(label) / 2 for label in labels]
    # The outermost may be pushed inwards, to its neighbour.
    middles = [min(max(left + each * (at + 0.5), half), room - half) for at, half in enumerate(halves)]
    every = 1
    while not _apart(middles[::every], halves[::every]):
        every += 1
    places = range(0, len(labels), every)
    return "".join(text(middles[at], y, labels[at], anchor="middle", kind="dim") for at in places)


def _apart(middles: Sequence[float], halves: Sequence[float]) -> bool:
    ends = [middle + half + GAP for middle, half in zip(middles, halves, strict=True)]
    starts = [middle - half for middle, half in zip(middles, halves, strict=True)]
    return all(start >= end for start, end in zip(starts[1:], ends, strict=False))
