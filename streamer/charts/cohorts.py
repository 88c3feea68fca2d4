"""A grid of shares: a row per group, a column per step after its start, darker for larger shares."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from streamer.charts.axis import GAP
from streamer.charts.figure import Chart, Drawing, drawn
from streamer.charts.labels import width

_HIGH: Final = 26.0
_LEAST: Final = 40.0
"""Minimum width of a cell, px, so that a share fits."""
_DARKEST: Final = 0.6


class Row(NamedTuple):
    """A group: its name, its size in words, and shares (0 to 1) from its start on."""

    name: str
    size: str
    shares: Sequence[float]


def cohorts(title: str, rows: Sequence[Row], *, head: Sequence[str], description: str = "", colour: int = 2) -> Chart:
    """Draw a grid of shares. A narrow drawing omits the last steps; the table has all.

    Parameters
    ----------
    head
        Headings of the table, for name and size.
    """
    steps = max((len(one.shares) for one in rows), default=0)
    table = [
        (one.name, one.size, *(share(value) for value in one.shares), *[""] * (steps - len(one.shares))) for one in rows
    ]
    words = description or "; ".join(f"{one.name}: {', '.join(map(share, one.shares))}" for one in rows[:3])
    return drawn(
        title,
        words,
        lambda room: _draw(rows, steps, head, colour, room),
        (*head, *(str(step) for step in range(steps))),
        table,
    )


def share(value: float) -> str:
    """Format the share in a cell.

    >>> share(0.412), share(0.0)
    ('41\\xa0%', '0\\xa0%')
    """
    return f"{value * 100:.0f}\xa0%"


def _draw(rows: Sequence[Row], steps: int, head: Sequence[str], colour: int, room: float) -> Drawing:
    if not rows or not steps:
        return Drawing("", 0.0)
    name = max(width(text) for text in (head[0], *(one.name for one in rows))) + GAP
    size = max(width(text) for text in (head[1], *(one.size for one in rows))) + GAP
    left = name + size
    shown = max(1, min(steps, int((room - left) / _LEAST)))
    each = min((room - left) / shown, 2 * _LEAST)
    parts = [_text(0, 0, head[0], "dim"), _text(left - GAP, 0, head[1], "dim number", "end")]
    parts += [_text(left + each * (at + 0.5), 0, str(at), "dim number", "middle") for at in range(shown)]
    for line, one in enumerate(rows, 1):
        parts += [_text(0, line, one.name, "number"), _text(left - GAP, line, one.size, "number", "end")]
        for at, value in enumerate(one.shares[:shown]):
            x, y = left + each * at, _HIGH * line
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{each - 2:.1f}" height="{_HIGH - 2:.1f}" rx="3" '
                f'class="c{colour}" fill-opacity="{min(1.0, value) * _DARKEST:.2f}"/>'
            )
            parts.append(_text(x + each / 2, line, share(value), "number", "middle"))
    return Drawing("".join(parts), _HIGH * (len(rows) + 1))


def _text(x: float, line: int, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{_HIGH * (line + 0.5) + 4:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
