"""How large segments were, and where customers went: figures out of moves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamer.charts import Flow


@dataclass(frozen=True, slots=True)
class Moves:
    """How many went from one segment to another on a day for a cause; an empty id means no segment."""

    day: int
    before: str
    after: str
    cause: str
    customers: int


@dataclass(frozen=True, slots=True)
class Journey:
    """How many who moved at all were in one segment before, and are in another, or the same, now; empty for no segment."""

    before: str
    after: str
    customers: int


def sizes_by_day(now: Mapping[str, int], moves: Iterable[Moves], first_day: int, last_day: int) -> dict[str, list[int]]:
    """Sizes of segments at the end of each day, by id: today's, and back from there by what moved since.

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
            # Of customers who were erased the moves stay and the membership is gone; never below nought.
            row.append(max(size, 0))
        found[segment] = row[::-1]
    return found


def journeys(now: Mapping[str, int], moved: Iterable[Journey]) -> list[Flow]:
    """From where to where over a while, with those who stayed; in the order of ``now``, who came and who left last.

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
    """By which share something grew or shrank, where that is worth a look: by so many, and by such a share.

    >>> changed(120, 80), changed(100, 98), changed(4, 1)
    (0.5, None, None)
    """
    if abs(now - then) < least or then <= 0 or abs(now - then) / then < share:
        return None
    return now / then - 1
