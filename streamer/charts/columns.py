"""Columns that stand: one for each label, stacked by series, those below nought hanging down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Final

from streamer.charts.figure import Chart, Drawing, drawn, rect, rule
from streamer.charts.labels import LINE, text, width
from streamer.charts.legend import legend
from streamer.charts.series import Series, ticks

_HIGH: Final = 180.0
_GAP: Final = 8.0


def columns(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    shown: Callable[[float], str],
    description: str = "",
    head: str = "",
) -> Chart:
    """Stacked columns.

    Parameters
    ----------
    labels
        Under the columns; of many, so few are written that they keep apart.
    shown
        How a value is written.
    head
        Heading of the labels in the table.
    """
    rows = [(label, *(shown(one.values[at]) for one in series)) for at, label in enumerate(labels)]
    words = description or "; ".join(" ".join(row) for row in rows[-12:])
    return drawn(
        title, words, lambda room: _draw(labels, series, shown, room), (head, *(one.name for one in series)), rows
    )


def _draw(labels: Sequence[str], series: Sequence[Series], shown: Callable[[float], str], room: float) -> Drawing:
    if not labels or not series:
        return Drawing("", 0.0)
    values = [[0.0 if isnan(one.values[at]) else one.values[at] for one in series] for at in range(len(labels))]
    steps = ticks(
        min(sum(v for v in column if v < 0) for column in values),
        max(sum(v for v in column if v > 0) for column in values),
    )
    left = max(width(shown(step)) for step in steps) + _GAP
    names = legend(series, room) if len(series) > 1 else Drawing("", 0.0)
    top_y = names.height + LINE / 2
    scale = _HIGH / (steps[-1] - steps[0])

    def y_of(value: float) -> float:
        return top_y + (steps[-1] - value) * scale

    parts = [names.body]
    for step in steps:
        parts.append(rule(left, y_of(step), room, y_of(step)))
        parts.append(text(left - _GAP / 2, y_of(step), shown(step), anchor="end", kind="number dim"))
    each = (room - left) / len(labels)
    bar = max(1.0, min(48.0, each * 0.72))
    for at, column in enumerate(values):
        x, up, down = left + each * (at + 0.5) - bar / 2, 0.0, 0.0
        for one, value in zip(series, column, strict=True):
            start = up if value >= 0 else down
            parts.append(rect(x, min(y_of(start), y_of(start + value)), bar, abs(value) * scale, one.colour))
            up, down = (up + value, down) if value >= 0 else (up, down + value)
    parts.append(under(labels, left, each, room, y_of(steps[0]) + LINE / 2 + 4))
    return Drawing("".join(parts), y_of(steps[0]) + LINE + 8)


def under(labels: Sequence[str], left: float, each: float, room: float, y: float) -> str:
    """Labels below an axis: every n-th, so that none meets the next, and none beyond the edges."""
    widest = max(map(width, labels)) + _GAP
    every = max(1, -(-int(widest) // max(int(each), 1)))
    parts, end = [], -_GAP
    for at in range(0, len(labels), every):
        half = width(labels[at]) / 2
        middle = min(max(left + each * (at + 0.5), half), room - half)
        if middle - half >= end + _GAP:
            parts.append(text(middle, y, labels[at], anchor="middle", kind="dim"))
            end = middle + half
    return "".join(parts)
