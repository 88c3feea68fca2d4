"""Names of series beside their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.charts.figure import Drawing, rect
from streamer.charts.labels import LINE, broken, paragraph, width
from streamer.charts.series import Series

_BOX: Final = 10.0
_GAP: Final = 6.0
_APART: Final = 18.0


def legend(series: Sequence[Series], room: float) -> Drawing:
    """Draw the names in as many lines as needed; a name wider than the space is broken."""
    parts, x, y = [], 0.0, 0.0
    for one in series:
        lines = broken(one.name, room - _BOX - _GAP)
        wide = _BOX + _GAP + max(map(width, lines))
        if x and x + wide > room:
            x, y = 0.0, y + LINE + 4
        parts.append(rect(x, y + (LINE - _BOX) / 2, _BOX, _BOX, one.colour))
        parts.append(paragraph(x + _BOX + _GAP, y, lines))
        if len(lines) > 1:
            x, y = 0.0, y + LINE * len(lines) + 4
        else:
            x += wide + _APART
    return Drawing("".join(parts), y + (LINE + 4 if x else 0.0))
