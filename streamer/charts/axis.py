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
    """A line at each value, with the value before it."""
    return "".join(
        rule(left, y_of(step), right, y_of(step))
        + text(left - GAP / 2, y_of(step), shown(step), anchor="end", kind="number dim")
        for step in steps
    )


def under(labels: Sequence[str], left: float, each: float, room: float, y: float) -> str:
    """Labels below an axis: every n-th, so that they do not overlap or exceed the edges."""
    widest = max(map(width, labels)) + GAP
    every = max(1, -(-int(widest) // max(int(each), 1)))
    parts, end = [], -GAP
    for at in range(0, len(labels), every):
        half = width(labels[at]) / 2
        middle = min(max(left + each * (at + 0.5), half), room - half)
        if middle - half >= end + GAP:
            parts.append(text(middle, y, labels[at], anchor="middle", kind="dim"))
            end = middle + half
    return "".join(parts)
