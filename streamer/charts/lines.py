"""Lines over time, each with its name at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Final

from streamer.charts.axis import GAP, grid, under
from streamer.charts.figure import Chart, Drawing, drawn
from streamer.charts.labels import LINE, spread, text, width
from streamer.charts.legend import legend
from streamer.charts.series import Series, ticks

_HIGH: Final = 200.0
_LEADER: Final = 14.0


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    shown: Callable[[float], str],
    description: str = "",
    head: str = "",
) -> Chart:
    """Draw a line for each series; see `columns` for the parameters. NaN is a gap."""
    rows = [
        (label, *("" if isnan(one.values[at]) else shown(one.values[at]) for one in series))
        for at, label in enumerate(labels)
    ]
    words = description or "; ".join(f"{one.name} {shown(one.values[-1])}" for one in series if one.values)
    return drawn(
        title, words, lambda room: _draw(labels, series, shown, room), (head, *(one.name for one in series)), rows
    )


def _draw(labels: Sequence[str], series: Sequence[Series], shown: Callable[[float], str], room: float) -> Drawing:
    known = [value for one in series for value in one.values if not isnan(value)]
    if not labels or not known:
        return Drawing("", 0.0)
    steps = ticks(min(known), max(known))
    left = max(width(shown(step)) for step in steps) + GAP
    names = max(width(one.name) for one in series) + _LEADER + GAP
    # In a narrow drawing names at the ends would leave no space for the lines, so put them above.
    above = names > 0.35 * room
    head = legend(series, room) if above else Drawing("", 0.0)
    right = room - (GAP if above else names)
    top = head.height + LINE / 2
    scale = _HIGH / (steps[-1] - steps[0])
    each = (right - left) / max(len(labels) - 1, 1)

    def y_of(value: float) -> float:
        return top + (steps[-1] - value) * scale

    parts = [head.body, grid(steps, left, right, y_of, shown)]
    parts.extend(f'<path d="{_path(one.values, left, each, y_of)}" class="line l{one.colour}"/>' for one in series)
    bottom = y_of(steps[0])
    if not above:
        parts.extend(_ends(series, right, top, bottom, y_of))
    parts.append(under(labels, left - each / 2, each, room, bottom + LINE / 2 + 4))
    return Drawing("".join(parts), bottom + LINE + 8)


def _path(values: Sequence[float], left: float, each: float, y_of: Callable[[float], float]) -> str:
    parts, pen = [], "M"
    for at, value in enumerate(values):
        if isnan(value):
            pen = "M"
            continue
        parts.append(f"{pen}{left + each * at:.1f} {y_of(value):.1f}")
        pen = "L"
    return "".join(parts)


def _ends(
    series: Sequence[Series], right: float, top: float, bottom: float, y_of: Callable[[float], float]
) -> list[str]:
    """Draw the names at the ends, spread apart, each with a leader to its line."""
    last = [(next((v for v in reversed(one.values) if not isnan(v)), 0.0), one) for one in series]
    last.sort(key=lambda pair: -pair[0])
    wanted = [y_of(value) for value, _ in last]
    parts = []
    for (_, one), y, place in zip(
        last, wanted, spread(wanted, [LINE] * len(last), top - LINE / 2, bottom), strict=True
    ):
        parts.append(
            f'<path d="M{right:.1f} {y:.1f}L{right + _LEADER / 2:.1f} {place:.1f}h{_LEADER / 2 - 2:.1f}" '
            f'class="leader l{one.colour}"/>'
        )
        parts.append(text(right + _LEADER, place, one.name))
    return parts
