"""Estimates with their intervals on one scale, with a line at zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from streamer.charts.axis import GAP
from streamer.charts.figure import Chart, Drawing, drawn, rule
from streamer.charts.labels import LINE, broken, paragraph, text, width
from streamer.charts.series import ticks

_ROW: Final = 26.0
_DOT: Final = 5.0
_CAP: Final = 5.0


@dataclass(frozen=True, slots=True)
class Span:
    """A name, its estimate with the bounds of the interval, and all three formatted."""

    name: str
    low: float
    estimate: float
    high: float
    shown: str
    colour: int = 0


def intervals(
    title: str,
    rows: Sequence[Span],
    *,
    shown: Callable[[float], str],
    description: str = "",
    head: Sequence[str] = ("", ""),
) -> Chart:
    """Draw a whisker for each row, from low to high, with a dot at the estimate.

    Parameters
    ----------
    shown
        Formats a value of the scale.
    head
        Headings of the table, for the names and the values.
    """
    words = description or "; ".join(f"{row.name} {row.shown}" for row in rows)
    return drawn(title, words, lambda room: _draw(rows, shown, room), head, [(row.name, row.shown) for row in rows])


def _draw(rows: Sequence[Span], shown: Callable[[float], str], room: float) -> Drawing:
    if not rows:
        return Drawing("", 0.0)
    steps = ticks(min(row.low for row in rows), max(row.high for row in rows), 5)
    left, right = width(shown(steps[0])) / 2 + GAP, room - width(shown(steps[-1])) / 2 - GAP
    scale = (right - left) / (steps[-1] - steps[0])

    def x_of(value: float) -> float:
        return left + (value - steps[0]) * scale

    parts, y = [], 0.0
    for row in rows:
        names = broken(f"{row.name} {row.shown}", room)
        parts.append(paragraph(0, y, names))
        y += LINE * len(names)
        middle = y + _ROW / 2
        line = f'class="line l{row.colour}"'
        low, high = x_of(row.low), x_of(row.high)
        parts.append(f'<path d="M{low:.1f} {middle:.1f}L{high:.1f} {middle:.1f}" {line}/>')
        parts.extend(
            f'<path d="M{end:.1f} {middle - _CAP:.1f}L{end:.1f} {middle + _CAP:.1f}" {line}/>' for end in (low, high)
        )
        parts.append(f'<circle cx="{x_of(row.estimate):.1f}" cy="{middle:.1f}" r="{_DOT:g}" class="c{row.colour}"/>')
        y += _ROW
    top = LINE * len(broken(f"{rows[0].name} {rows[0].shown}", room))
    under = [rule(x_of(step), top, x_of(step), y, "leader" if step == 0 else "rule") for step in steps]
    numbers = [text(x_of(step), y + LINE / 2 + 2, shown(step), anchor="middle", kind="number dim") for step in steps]
    every = 2 if sum(width(shown(step)) + GAP for step in steps) > right - left else 1
    kept = [number for at, number in enumerate(numbers) if at % every == 0]
    return Drawing("".join([*under, *parts, *kept]), y + LINE + 6)
