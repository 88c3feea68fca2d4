"""Draws a board as SVG from the results of its queries, as Grafana would show it, for places without Grafana."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

CELL: Final = 50.0
"""Pixels per column of Grafana's grid; a row has 30."""
ROW: Final = 30.0
_GAP: Final = 8.0
_HEAD: Final = 28.0
_LEGEND: Final = 30.0
_COLORS: Final = (
    *("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300"),
    *("#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62"),
)
_SUFFIXES: Final = {"cps": "/s", "cpm": "/min", "short": ""}
_STYLE: Final = (
    "text{font-family:Inter,Helvetica,Arial,sans-serif;font-size:11px;fill:#ccccdc}"
    ".title{font-size:13px;font-weight:500}.big{font-size:30px;fill:#5794f2}.good{fill:#73bf69}.bad{fill:#f2495c}"
    ".dim{fill:#9a9aa8}"
)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a result: its name, and ``(time, value)`` in s, without NaN."""

    name: str
    points: Points


def board(title: str, panels: Sequence[dict[str, Any]], answers: Sequence[Sequence[Series]]) -> str:
    """Draw the whole board; ``answers`` holds for each panel the series of all its queries."""
    width = 24 * CELL
    height = max((panel["gridPos"]["y"] + panel["gridPos"]["h"]) for panel in panels) * ROW + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:g}" height="{height:g}" fill="#111217"/>',
        f'<text x="12" y="26" style="font-size:17px;font-weight:600">{escape(title)}</text>',
    ]
    for panel, series in zip(panels, answers, strict=True):
        parts.extend(_panel(panel, series))
    return "\n".join((*parts, "</svg>")) + "\n"


def _panel(panel: dict[str, Any], series: Sequence[Series]) -> Iterator[str]:
    place = panel["gridPos"]
    x, y = place["x"] * CELL + _GAP / 2, place["y"] * ROW + 40
    width, height = place["w"] * CELL - _GAP, place["h"] * ROW - _GAP
    yield f'<g transform="translate({x:g} {y:g})">'
    yield f'<rect width="{width:g}" height="{height:g}" rx="3" fill="#181b1f" stroke="#25272e"/>'
    yield f'<text x="10" y="19" class="title">{escape(panel["title"])}</text>'
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if panel["type"] == "stat":
        yield from _stat(panel, series, unit, width, height)
    elif panel["type"] in ("bargauge", "table"):
        yield from _bars(series, unit, width, height)
    else:
        stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
        yield from _lines(series, unit, width, height, stacked)
    yield "</g>"


def _stat(panel: dict[str, Any], series: Sequence[Series], unit: str, width: float, height: float) -> Iterator[str]:
    value = series[0].points[-1][1] if series else math.nan
    steps = panel["fieldConfig"]["defaults"].get("thresholds")
    look = "big" if steps is None else ("big good" if value == 0 else "big bad")
    name = f" {series[0].name}" if series and len(series[0].name) == 3 and series[0].name.isupper() else ""
    text = f"{shown(value, unit)}{name}"
    yield f'<text x="{width / 2:g}" y="{height / 2 + 18:g}" class="{look}" text-anchor="middle">{escape(text)}</text>'


def _bars(series: Sequence[Series], unit: str, width: float, height: float) -> Iterator[str]:
    """Yield names with bars, the largest first, as many as fit."""
    rows = sorted(((one.points[-1][1], one.name) for one in series), reverse=True)
    room = int((height - _HEAD - 8) // 21)
    most = max((value for value, _ in rows), default=1.0) or 1.0
    left, right = width * 0.42, width - 62
    for number, (value, name) in enumerate(rows[:room]):
        y = _HEAD + 8 + 21 * number
        length = max(1.0, (right - left) * value / most)
        yield f'<text x="{left - 8:g}" y="{y + 12:g}" text-anchor="end">{escape(name)}</text>'
        color = _COLORS[number % len(_COLORS)]
        yield f'<rect x="{left:g}" y="{y:g}" width="{length:.1f}" height="15" rx="2" fill="{color}"/>'
        yield f'<text x="{left + length + 6:.1f}" y="{y + 12:g}">{escape(shown(value, unit))}</text>'


@dataclass(frozen=True, slots=True)
class _Plot:
    """Converts values and times to positions in a panel."""

    times: Sequence[float]
    low: float
    high: float
    step: float
    left: float
    right: float
    top: float
    base: float

    def x(self, at: float) -> float:
        span = (self.times[-1] - self.times[0]) or 1.0
        return self.left + (self.right - self.left) * (at - self.times[0]) / span

    def y(self, value: float) -> float:
        return self.base - (self.base - self.top) * (value - self.low) / (self.high - self.low)


def _lines(series: Sequence[Series], unit: str, width: float, height: float, stacked: bool) -> Iterator[str]:
    drawn = [one for one in series if any(value for _, value in one.points)] or list(series)
    times = sorted({at for one in drawn for at, _ in one.points})
    if not times:
        return
    layers = list(_layers(drawn, times, stacked))
    plot = _plot(layers, times, width, height)
    yield from _axes(plot, unit)
    for number, (_, bottom, top) in enumerate(layers):
        yield from _line(plot, bottom, top, _COLORS[number % len(_COLORS)], stacked)
    yield from _legend([name for name, _, _ in layers], width, height)


def _plot(layers: Sequence[Layer], times: Sequence[float], width: float, height: float) -> _Plot:
    known = [value for _, _, top in layers for value in top if not math.isnan(value)]
    low = min([0.0, *known])
    high = max(known, default=0.0)
    step = nice((high - low) / 4 or 0.25)
    low, high = math.floor(low / step) * step, max(math.ceil(high / step), 1) * step
    return _Plot(times, low, high, step, 58.0, width - 12, _HEAD + 4, height - _LEGEND - 18)


def _axes(plot: _Plot, unit: str) -> Iterator[str]:
    """Yield horizontal lines at round values, and the ages of the left edge, the middle and the right edge."""
    for number in range(round((plot.high - plot.low) / plot.step) + 1):
        value = plot.low + number * plot.step
        yield f'<path d="M{plot.left:g} {plot.y(value):.1f}H{plot.right:g}" stroke="#2c2f36"/>'
        label = escape(shown(value, unit))
        yield f'<text x="{plot.left - 6:g}" y="{plot.y(value) + 4:.1f}" class="dim" text-anchor="end">{label}</text>'
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        back = (plot.times[-1] - plot.times[0]) * (1 - share)
        where = plot.left + (plot.right - plot.left) * share
        yield f'<text x="{where:.1f}" y="{plot.base + 14:g}" class="dim" text-anchor="{anchor}">{_ago(back)}</text>'


def _line(plot: _Plot, bottom: Sequence[float], top: Sequence[float], color: str, stacked: bool) -> Iterator[str]:
    known = [place for place, value in enumerate(top) if not math.isnan(value)]
    path = " ".join(f"{plot.x(plot.times[place]):.1f},{plot.y(top[place]):.1f}" for place in known)
    if stacked:
        under = " ".join(f"{plot.x(plot.times[place]):.1f},{plot.y(bottom[place]):.1f}" for place in reversed(known))
        yield f'<polygon points="{path} {under}" fill="{color}" fill-opacity="0.45"/>'
    yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5" stroke-linejoin="round"/>'


Layer = tuple[str, list[float], list[float]]
"""Name, lower and upper edge of a series at all times; NaN where it has no value."""


def _layers(series: Sequence[Series], times: Sequence[float], stacked: bool) -> Iterator[Layer]:
    bottom = [0.0] * len(times)
    for one in series:
        values = dict(one.points)
        if stacked:
            top = [under + values.get(at, 0.0) for under, at in zip(bottom, times, strict=True)]
            yield one.name, bottom, top
            bottom = top
        else:
            yield one.name, bottom, [values.get(at, math.nan) for at in times]


def _legend(names: Sequence[str], width: float, height: float) -> Iterator[str]:
    x, y = 12.0, height - _LEGEND + 8
    for number, name in enumerate(names):
        length = 22 + 6.2 * len(name)
        if x + length > width - 8:
            x, y = 12.0, y + 15
            if y > height - 4:
                return
        color = _COLORS[number % len(_COLORS)]
        yield f'<rect x="{x:g}" y="{y - 6:g}" width="10" height="4" fill="{color}"/>'
        yield f'<text x="{x + 14:g}" y="{y:g}">{escape(name)}</text>'
        x += length


def nice(step: float) -> float:
    """Return the next round number at or above a positive step.

    >>> nice(0.3), nice(2.0), nice(34.0)
    (0.5, 2.0, 50.0)
    """
    size = 10.0 ** math.floor(math.log10(step))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= step * (1 - 1e-9))


def shown(value: float, unit: str) -> str:
    """Format a value with its unit, briefly.

    >>> shown(0.0042, "s"), shown(0.5, "percentunit"), shown(12345.0, "short"), shown(3.2, "cps"), shown(3e8, "bytes")
    ('4.2 ms', '50%', '12.3 K', '3.2/s', '286 MiB')
    """
    if math.isnan(value):
        return "no data"
    if unit == "percentunit":
        return f"{100 * value:.3g}%"
    if unit == "s":
        if abs(value) >= 600:
            return f"{value / 60:.3g} min"
        return f"{value:.3g} s" if abs(value) >= 1 or not value else f"{1000 * value:.3g} ms"
    if unit == "bytes":
        return f"{value / 2**20:.3g} MiB" if abs(value) < 2**30 else f"{value / 2**30:.3g} GiB"
    suffix = _SUFFIXES.get(unit, "")
    for size, letter in ((1e6, "M"), (1e4, "K")):
        if abs(value) >= size:
            return f"{value / (1000.0 if letter == 'K' else size):.3g} {letter}{suffix}"
    return f"{value:.4g}{suffix}"


def _ago(seconds: float) -> str:
    return "now" if seconds < 1 else f"-{seconds:.0f} s"
