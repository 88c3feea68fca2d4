"""Flow charts: two stacked columns with ribbons between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from streamer.charts.figure import Chart, Drawing, drawn, rect
from streamer.charts.labels import LINE, broken, paragraph, spread, width

_LEAST_HIGH: Final = 160.0
_PILLAR: Final = 14.0
_APART: Final = 6.0
_LEADER: Final = 16.0


@dataclass(frozen=True, slots=True)
class Flow:
    """The number that moved from one name to another (the same name for those who stayed)."""

    source: str
    target: str
    value: float


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    value: float
    top: float
    high: float
    lines: list[str]
    label: float


def flows(
    title: str,
    found: Sequence[Flow],
    *,
    colours: Callable[[str], int],
    shown: Callable[[float], str],
    names: Callable[[str], str] = lambda id: id,
    description: str = "",
    head: Sequence[str] = ("", "", ""),
    high: float = _LEAST_HIGH,
) -> Chart:
    """Draw flows between the names on the left and on the right, in order of first appearance.

    Parameters
    ----------
    colours, names
        The colour and the name of an id.
    high
        Minimum height of the columns, px.
    """
    rows = [(names(one.source), names(one.target), shown(one.value)) for one in found]
    words = description or "; ".join(f"{row[0]} → {row[1]} {row[2]}" for row in rows)
    return drawn(title, words, lambda room: _draw(found, colours, shown, names, room, high), head, rows)


def _draw(
    found: Sequence[Flow],
    colours: Callable[[str], int],
    shown: Callable[[float], str],
    names: Callable[[str], str],
    room: float,
    least: float,
) -> Drawing:
    if not found:
        return Drawing("", 0.0)
    side = min(
        0.36 * room, max(width(f"{names(id)} {shown(v)}") for one in found for id, v in _both(one)) + _LEADER + 8
    )
    ends = (_sums(found, lambda one: one.source), _sums(found, lambda one: one.target))
    texts = [[broken(f"{names(id)} {shown(value)}", side - _LEADER) for id, value in end.items()] for end in ends]
    high = max(least, *(sum(len(lines) * LINE + 2 for lines in one) for one in texts))
    blocks = [_blocks(end, lines, high) for end, lines in zip(ends, texts, strict=True)]
    left, right = side, room - side - _PILLAR
    parts = _ribbons(found, blocks, left + _PILLAR, right, colours)
    parts.extend(_pillar(blocks[0], left, -1, colours))
    parts.extend(_pillar(blocks[1], right, 1, colours))
    last = max(block.label + LINE * len(block.lines) / 2 for column in blocks for block in column)
    return Drawing("".join(parts), max(last, *(one.top + one.high for column in blocks for one in column)) + 4)


def _pillar(column: Sequence[_Block], x: float, way: int, colours: Callable[[str], int]) -> list[str]:
    """Draw the blocks of one side, with their names outside: to the left if ``way`` is -1."""
    edge = x if way < 0 else x + _PILLAR
    parts = []
    for block in column:
        parts.append(rect(x, block.top, _PILLAR, max(block.high, 1.0), colours(block.name)))
        parts.append(
            f'<path d="M{edge + way * 2:.1f} {block.top + block.high / 2:.1f}'
            f'L{edge + way * (_LEADER - 5):.1f} {block.label:.1f}" class="leader"/>'
        )
        top = block.label - LINE * len(block.lines) / 2
        at = edge + way * (_LEADER - 2)
        parts.append(paragraph(at, top, block.lines, anchor="end" if way < 0 else "start"))
    return parts


def _both(one: Flow) -> tuple[tuple[str, float], tuple[str, float]]:
    return (one.source, one.value), (one.target, one.value)


def _sums(found: Sequence[Flow], end: Callable[[Flow], str]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for one in found:
        sums[end(one)] = sums.get(end(one), 0.0) + one.value
    return sums


def _blocks(sums: dict[str, float], texts: Sequence[list[str]], high: float) -> list[_Block]:
    whole = sum(sums.values()) or 1.0
    scale = (high - _APART * (len(sums) - 1)) / whole
    tops, y = [], 0.0
    for value in sums.values():
        tops.append(y)
        y += value * scale + _APART
    middles = [top + value * scale / 2 for top, value in zip(tops, sums.values(), strict=True)]
    places = spread(middles, [len(lines) * LINE + 2 for lines in texts], 0.0, high)
    return [
        _Block(name, value, top, value * scale, lines, place)
        for (name, value), top, lines, place in zip(sums.items(), tops, texts, places, strict=True)
    ]


def _ribbons(
    found: Sequence[Flow], blocks: Sequence[Sequence[_Block]], x1: float, x2: float, colours: Callable[[str], int]
) -> list[str]:
    places = [{one.name: one.top for one in column} for column in blocks]
    scales = [{one.name: one.high / one.value if one.value else 0.0 for one in column} for column in blocks]
    parts, bend = [], (x1 + x2) / 2
    for one in found:
        a, high_a = places[0][one.source], one.value * scales[0][one.source]
        b, high_b = places[1][one.target], one.value * scales[1][one.target]
        places[0][one.source] += high_a
        places[1][one.target] += high_b
        parts.append(
            f'<path d="M{x1:.1f} {a:.1f}C{bend:.1f} {a:.1f} {bend:.1f} {b:.1f} {x2:.1f} {b:.1f}v{high_b:.1f}'
            f'C{bend:.1f} {b + high_b:.1f} {bend:.1f} {a + high_a:.1f} {x1:.1f} {a + high_a:.1f}z" '
            f'class="ribbon c{colours(one.source)}"/>'
        )
    return parts
