"""Spells over time: a band for each track, coloured by place, with marks below and the future dotted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from streamer.charts.axis import GAP
from streamer.charts.figure import Chart, Drawing, drawn, rect, rule
from streamer.charts.labels import LINE, broken, paragraph, text, width

_BAND: Final = 22.0
_BETWEEN: Final = 10.0
_DOT: Final = 3.5
_LEAST: Final = 3.0
"""Minimum width of a spell, px."""


class Spell(NamedTuple):
    """A spell: start and end (in any unit of time), place, and colour; ``ahead`` if it lies in the future."""

    first: float
    last: float
    name: str
    colour: int
    ahead: bool = False


class Track(NamedTuple):
    """A named row of spells, in order."""

    name: str
    spells: Sequence[Spell]


class Mark(NamedTuple):
    """An instant on the axis, and its label."""

    at: float
    name: str


class Scale(NamedTuple):
    """A time axis: its start and end, now, and the labels below it."""

    first: float
    last: float
    now: Mark
    labels: Sequence[Mark]


def spells(
    title: str,
    tracks: Sequence[Track],
    scale: Scale,
    *,
    dots: tuple[str, Sequence[float]] = ("", ()),
    description: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    """Draw a band for each track.

    Parameters
    ----------
    dots
        The meaning of a dot, and the instants of all dots.
    head, rows
        The same data as a table.
    """
    return drawn(title, description, lambda room: _draw(tracks, scale, dots, room), head, rows)


def _draw(tracks: Sequence[Track], scale: Scale, dots: tuple[str, Sequence[float]], room: float) -> Drawing:
    if not tracks or scale.last <= scale.first:
        return Drawing("", 0.0)
    names = [track.name for track in tracks] + [dots[0]] * bool(dots[1])
    beside = max(map(width, names)) + GAP
    # In a narrow drawing, names are above their bands.
    above = beside > 0.25 * room
    left = 0.0 if above else beside
    each = (room - left) / (scale.last - scale.first)

    def x_of(at: float) -> float:
        return left + (min(max(at, scale.first), scale.last) - scale.first) * each

    parts, y = [], 0.0
    for track in tracks:
        name, lead = _name(track.name, y, room if above else 0.0, left)
        parts.append(name)
        parts.extend(_spell(one, x_of, y + lead) for one in track.spells if one.last > scale.first)
        y += lead + _BAND + _BETWEEN
    if dots[1]:
        name, lead = _name(dots[0], y, room if above else 0.0, left)
        parts.append(name)
        y += lead
        parts.extend(
            f'<circle cx="{x_of(at):.1f}" cy="{y + _BAND / 2:.1f}" r="{_DOT:g}" class="dot"/>'
            for at in dots[1]
            if at >= scale.first
        )
        y += _BAND
    now = x_of(scale.now.at)
    parts.append(rule(now, 0, now, y + 2, "leader"))
    parts.extend(_under(scale, x_of, room, y + LINE / 2 + 4))
    return Drawing("".join(parts), y + LINE + 8)


def _name(name: str, y: float, above: float, left: float) -> tuple[str, float]:
    """Draw the name of a band; return it with the height it takes. ``above`` is the space above the band, or 0."""
    if not above:
        return text(left - GAP, y + _BAND / 2, name, anchor="end"), 0.0
    words = broken(name, above)
    return paragraph(0, y, words, kind="dim"), LINE * len(words)


def _spell(one: Spell, x_of: Callable[[float], float], y: float) -> str:
    begin, end = x_of(one.first), x_of(one.last)
    long = max(end - begin - 1, _LEAST)
    kind = "spell ahead" if one.ahead else "spell"
    band = (
        f'<rect x="{begin:.1f}" y="{y:.1f}" width="{long:.1f}" height="{_BAND:g}" rx="2" '
        f'class="{kind} c{one.colour} l{one.colour}"/>'
    )
    edge = "" if one.ahead else rect(begin, y, min(_LEAST, long), _BAND, one.colour)
    named = text(begin + GAP, y + _BAND / 2, one.name) if width(one.name) + 2 * GAP <= long else ""
    return band + edge + named


def _under(scale: Scale, x_of: Callable[[float], float], room: float, y: float) -> list[str]:
    """Draw the labels below the axis: that of now first, then those that do not overlap others."""
    taken: list[tuple[float, float]] = []
    parts = []
    for one in (scale.now, *scale.labels):
        half = width(one.name) / 2
        middle = min(max(x_of(one.at), half), room - half)
        if all(middle + half + GAP <= low or middle - half - GAP >= high for low, high in taken):
            taken.append((middle - half, middle + half))
            parts.append(text(middle, y, one.name, anchor="middle", kind="" if one is scale.now else "dim"))
    return parts
