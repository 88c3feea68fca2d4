"""Compute segment sizes over time and customer flows from moves. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamer.charts import Flow


@dataclass(frozen=True, slots=True)
class Moves:
    """Number of moves from one segment to another on a day for a cause. An empty id means no segment."""

    day: int
    before: str
    after: str
    cause: str
    customers: int


@dataclass(frozen=True, slots=True)
class Journey:
    """Number of moved customers with this earlier and current segment. An empty id means no segment."""

    before: str
    after: str
    customers: int


def sizes_by_day(now: Mapping[str, int], moves: Iterable[Moves], first_day: int, last_day: int) -> dict[str, list[int]]:
    """Return segment sizes at the end of each day by id, computed backwards from today's through later moves.

    >>> sizes_by_day({"a": 3, "b": 2}, [Moves(9, "a", "b", "time", 1), Moves(10, "", "a", "event", 2)], 8, 10)
    {'a': [2, 1, 3], 'b': [1, 2, 2]}
    """
    net: dict[tuple[int, str], int] = {}
    for one in moves:
        for segment, by in ((one.before, -one.customers), (one.after, one.customers)):
            net[one.day, segment] = net.get((one.day, segment), 0) + by
    found: dict[str, list[int]] = {}
    for segment, size in now.items():
        row = [size]
        for day in range(last_day, first_day, -1):
            size -= net.get((day, segment), 0)
            # Erased customers' moves remain but their memberships are gone, so the result could fall below 0.
            row.append(max(size, 0))
        found[segment] = row[::-1]
    return found


def journeys(now: Mapping[str, int], moved: Iterable[Journey]) -> list[Flow]:
    """Return flows between segments over a period, including customers who stayed, ordered as ``now``, no segment last.

    >>> [(f.source, f.target, f.value) for f in journeys({"a": 3, "b": 2}, [Journey("a", "b", 1), Journey("", "a", 1)])]
    [('a', 'a', 2.0), ('a', 'b', 1.0), ('b', 'b', 1.0), ('', 'a', 1.0)]
    """
    pairs: dict[tuple[str, str], int] = {}
    for one in moved:
        pairs[one.before, one.after] = pairs.get((one.before, one.after), 0) + one.customers
    for segment, size in now.items():
        arrived = sum(n for (_, after), n in pairs.items() if after == segment)
        stayed = max(size - arrived, 0)
        if stayed:
            pairs[segment, segment] = pairs.get((segment, segment), 0) + stayed
    order = {segment: at for at, segment in enumerate([*now, ""])}
    last = len(order)
    known = sorted(pairs.items(), key=lambda pair: (order.get(pair[0][0], last), order.get(pair[0][1], last)))
    return [Flow(before, after, float(n)) for (before, after), n in known if n and (before or after)]


def changed(now: int, then: int, least: int = 5, share: float = 0.2) -> float | None:
    """Return the relative change if it is at least ``least`` in number and ``share`` in proportion, else None.

    >>> changed(120, 80), changed(100, 98), changed(4, 1)
    (0.5, None, None)
    """
    if abs(now - then) < least or then <= 0 or abs(now - then) / then < share:
        return None
    return now / then - 1
