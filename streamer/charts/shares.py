"""One bar of parts that make a whole, with a line for each part below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.charts.figure import Chart, Drawing, drawn, rect
from streamer.charts.labels import LINE, broken, paragraph, text, width

_THICK: Final = 22.0
_BOX: Final = 10.0
_GAP: Final = 8.0


@dataclass(frozen=True, slots=True)
class Share:
    """A part: its name, its value (not negative), and the formatted value."""

    name: str
    value: float
    shown: str
    colour: int


def shares(title: str, parts: Sequence[Share], *, description: str = "", head: Sequence[str] = ("", "")) -> Chart:
    """Draw a divided bar of the full width; even the smallest part remains visible."""
    words = description or "; ".join(f"{one.name} {one.shown}" for one in parts)
    return drawn(title, words, lambda room: _draw(parts, room), head, [(one.name, one.shown) for one in parts])


def _draw(parts: Sequence[Share], room: float) -> Drawing:
    there = [one for one in parts if one.value > 0]
    whole = sum(one.value for one in there)
    # The smallest parts get two pixels, taken from the others.
    wide = [max(2.0, room * one.value / whole) for one in there]
    scale = room / sum(wide) if wide else 1.0
    found, x = [], 0.0
    for one, size in zip(there, wide, strict=True):
        found.append(rect(x, 0, size * scale - (1.0 if size > 3 else 0.0), _THICK, one.colour))
        x += size * scale
    y = _THICK + _GAP
    numbers = max((width(one.shown) for one in parts), default=0.0)
    for one in parts:
        names = broken(one.name, room - _BOX - 2 * _GAP - numbers)
        found.append(rect(0, y + (LINE - _BOX) / 2, _BOX, _BOX, one.colour))
        found.append(text(_BOX + _GAP + numbers, y + LINE / 2, one.shown, anchor="end", kind="number"))
        found.append(paragraph(_BOX + 2 * _GAP + numbers, y, names))
        y += LINE * len(names) + 4
    return Drawing("".join(found), y)
