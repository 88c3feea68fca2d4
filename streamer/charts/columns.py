"""Vertical columns: one for each label, stacked by series; negative values extend downwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Final

from streamer.charts.axis import GAP, grid, under
from streamer.charts.figure import Chart, Drawing, drawn, rect
from streamer.charts.labels import LINE, width
from streamer.charts.legend import legend
from streamer.charts.series import Series, ticks

_HIGH: Final = 180.0
_MOST_WIDE: Final = 48.0


def columns(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    shown: Callable[[float], str],
    description: str = "",
    head: str = "",
) -> Chart:
    """Draw stacked columns.

    Parameters
    ----------
    labels
        Labels under the columns; if there are many, some are omitted so that they do not overlap.
    shown
        Formats a value.
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
    left = max(width(shown(step)) for step in steps) + GAP
    names = legend(series, room) if len(series) > 1 else Drawing("", 0.0)
    top_y = names.height + LINE / 2
    scale = _HIGH / (steps[-1] - steps[0])

    def y_of(value: float) -> float:
        return top_y + (steps[-1] - value) * scale

    each = (room - left) / len(labels)
    parts = [names.body, grid(steps, left, room, y_of, shown)]
    for at, column in enumerate(values):
        parts.extend(_stack(column, series, left + each * (at + 0.5), each, y_of))
    parts.append(under(labels, left, each, room, y_of(steps[0]) + LINE / 2 + 4))
    return Drawing("".join(parts), y_of(steps[0]) + LINE + 8)


def _stack(
    column: Sequence[float], series: Sequence[Series], middle: float, each: float, y_of: Callable[[float], float]
) -> list[str]:
    """Draw one column: positive values extend upwards, negative ones downwards."""
    bar = max(1.0, min(_MOST_WIDE, each * 0.72))
    ends, parts = [0.0, 0.0], []
    for one, value in zip(series, column, strict=True):
        below = value < 0
        start, end = y_of(ends[below]), y_of(ends[below] + value)
        parts.append(rect(middle - bar / 2, min(start, end), bar, abs(end - start), one.colour))
        ends[below] += value
    return parts
