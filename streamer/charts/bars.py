"""Horizontal bars: one for each name, followed by its figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.charts.figure import Chart, Drawing, drawn, rect
from streamer.charts.labels import LINE, broken, paragraph, text, width

_GAP: Final = 8.0
_THICK: Final = 16.0
_LEAST: Final = 2.0
"""Minimum length of a bar whose value is not zero, px."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A name, its value, and the formatted value."""

    name: str
    value: float
    shown: str
    colour: int = 0


def bars(title: str, rows: Sequence[Bar], *, description: str = "", head: Sequence[str] = ("", "")) -> Chart:
    """Draw a bar for each row, starting at zero; negative values extend to the left.

    Parameters
    ----------
    head
        Headings of the table, for the names and the values.
    """
    words = description or "; ".join(f"{row.name} {row.shown}" for row in rows)
    return drawn(title, words, lambda room: _draw(rows, room), head, [(row.name, row.shown) for row in rows])


def _draw(rows: Sequence[Bar], room: float) -> Drawing:
    if not rows:
        return Drawing("", 0.0)
    beside = max(width(row.name) for row in rows) + _GAP
    numbers = max(width(row.shown) for row in rows) + _GAP
    # Put names beside the bars if that leaves half of the width, otherwise above them.
    above = beside > 0.4 * room or beside + numbers > 0.6 * room
    left = 0.0 if above else beside
    low = min(0.0, min(row.value for row in rows))
    high = max(0.0, max(row.value for row in rows))
    scale = (room - left - numbers) / ((high - low) or 1.0)
    zero = left - low * scale
    parts, y = [], 0.0
    for row in rows:
        if above:
            names = broken(row.name, room)
            parts.append(paragraph(0, y, names))
            y += LINE * len(names)
        else:
            parts.append(text(left - _GAP, y + _THICK / 2, row.name, anchor="end"))
        long = abs(row.value) * scale
        long = max(long, _LEAST) if row.value else 0.0
        parts.append(rect(zero if row.value >= 0 else zero - long, y, long, _THICK, row.colour))
        end = zero + (long if row.value >= 0 else 0.0)
        parts.append(text(end + _GAP / 2, y + _THICK / 2, row.shown, kind="number"))
        y += _THICK + _GAP
    return Drawing("".join(parts), y)
