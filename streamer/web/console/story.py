"""Chart a customer's segments and orders over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from models.features.time import DAY_MS
from schemas.wire_time import epoch_ms
from streamer import charts
from streamer.charts import Mark, Scale, Spell, Track
from streamer.web.console.words import NOBODY, Words

MOVES: Final = 400
"""Number of moves, newest first, that the chart covers."""
_LONGEST_MS: Final = 400 * DAY_MS
_SHORTEST_MS: Final = 7 * DAY_MS
_AHEAD: Final = 0.3
"""Maximum width of the future, as a share of the past."""


def story(
    words: Words,
    segments: Mapping[str, Any],
    moves: Sequence[Mapping[str, Any]],
    ahead: Mapping[str, Mapping[str, str]],
    orders: Sequence[int],
    now: int,
) -> Markup | None:
    """Return the chart; None for a customer without moves.

    Parameters
    ----------
    segments
        Current segments, by segmentation.
    moves
        Moves, newest first.
    ahead
        Next move by time, by segmentation.
    orders
        Instants (ms) of orders that count.
    """
    if not moves:
        return None
    begun = min([*orders, *(move["at"] for move in moves)])
    first = max(min(begun, now - _SHORTEST_MS), now - _LONGEST_MS)
    last = now + int((now - first) * _AHEAD)
    tracks = [_track(words, name, moves, ahead.get(name), (first, now, last)) for name in segments]
    tracks = [track for track in tracks if track.spells]
    last = int(max([now, *(one.last for track in tracks for one in track.spells)]))
    texts = words.texts
    rows = [
        (track.name, one.name, words.day(int(one.first)), "" if one.ahead else words.day(int(one.last)))
        for track in tracks
        for one in reversed(track.spells)
    ]
    counted = [at for at in orders if at >= first]
    chart = charts.spells(
        texts("console story"),
        tracks,
        Scale(first, last, Mark(now, texts("console story now")), _months(words, first, last)),
        dots=(texts("console orders"), counted),
        description=texts("console story words", orders=len(counted)),
        head=(
            texts("column segmentation"),
            texts("column segment"),
            texts("console story from"),
            texts("console story to"),
        ),
        rows=rows,
    )
    return Markup(chart.html(texts("as a table")))


def _track(
    words: Words,
    by: str,
    moves: Sequence[Mapping[str, Any]],
    ahead: Mapping[str, str] | None,
    span: tuple[int, int, int],
) -> Track:
    """Return the periods in one segmentation's segments; the future is cut at the end of the chart."""
    first, now, last = span

    def spell(begun: int, ended: int, id: str, ahead: bool = False) -> Spell:
        return Spell(begun, ended, words.name(by, id), words.colour(id), ahead)

    mine = [move for move in reversed(moves) if move["segmentation"] == by]
    found = []
    if mine and mine[0]["from"] is not None and mine[0]["at"] > first:
        found.append(spell(first, mine[0]["at"], mine[0]["from"]["id"]))
    ends = [move["at"] for move in mine[1:]] + [now]
    found += [
        spell(max(move["at"], first), ended, move["to"]["id"])
        for move, ended in zip(mine, ends, strict=True)
        if move["to"] is not None and ended > first
    ]
    if ahead is not None and now < (due := epoch_ms(ahead["at"])) < last:
        if found:
            found[-1] = found[-1]._replace(last=due)
        found.append(spell(due, last, ahead["to"] or NOBODY, True))
    return Track(words.texts.segmentation(by), found)


def _months(words: Words, first: int, last: int) -> list[Mark]:
    """Return the first of each month within the chart."""
    at = words.local(first)
    marks: list[Mark] = []
    while True:
        at = (at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
        instant = _ms(at)
        if instant >= last:
            return marks
        marks.append(Mark(instant, at.strftime("%Y-%m")))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
