"""Convert a source of old events to lane records, which an import writes and a replay passes to ``decide``.

The import's own clock records, one per day of data, are placed between the events so that time passes as it did in the
past: every lane learns that a day has begun before that day's first event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from models.features.time import DayGrid
from schemas.control import (
    IMPORT_HEADER,
    Control,
    ControlClock,
    ControlImport,
    control_headers,
    encode_control,
    import_source,
)
from schemas.records import Headers
from schemas.signing import ControlKeys, Seal, time_number
from schemas.topics import EVENTS
from streamer.sources.source import Source


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to write to the lane of its key or, with ``every_lane``, to all lanes.

    Records for every lane can be signed. ``day`` is the grid day that the record begins."""

    key: bytes | None
    value: bytes
    headers: Headers
    every_lane: bool = False
    day: int | None = None
    seal: Seal | None = None

    def headers_for(self, lane: int, keys: ControlKeys | None) -> Headers:
        """Return the record's headers in a lane."""
        if self.seal is None or keys is None:
            return self.headers
        return [*self.headers, keys.header(EVENTS, lane, self.seal, self.value)]


def control_record(record: Control, seal: Seal | None = None, day: int | None = None) -> Outgoing:
    """Return a control record for every lane. Without a ``seal`` it is never signed."""
    value = encode_control(record)
    return Outgoing(None, value, control_headers(value), every_lane=True, day=day, seal=seal)


def import_records(
    source: Source,
    import_id: str,
    grid: DayGrid,
    *,
    until: int | None = None,
    latest: int | None = None,
) -> Iterator[Outgoing]:
    """Yield the records of one import, from ``opened`` to ``closed``.

    Parameters
    ----------
    import_id
        Id of the import, written in every record's header.
    until
        The import's clock at its end, epoch ms; None for the time of the last event.
    latest
        Append time of the records, epoch ms, if known; no later clock is written.
    """
    headers = ((IMPORT_HEADER, import_id.encode()),)
    # Numbers start at the current time, so a resumed import signs above the interrupted one. The step leaves room for
    # the requests of an import (`imports.learning`).
    source_name, numbers = import_source(import_id), count(time_number(), 2)

    def control(record: Control, day: int | None = None) -> Outgoing:
        return control_record(record, Seal(source_name, next(numbers)), day)

    yield control(ControlImport(import_id=import_id, state="opened", source_hash=source.content_hash))
    day, clock = -1, 0
    for event in source.events():
        at = event.occurred_at
        if at > clock and (latest is None or at <= latest):
            clock = at
            if grid.day_of(at) > day:
                day = grid.day_of(at)
                yield control(ControlClock(import_id=import_id, at=grid.instant(day)), day)
        yield Outgoing(event.key, event.value, headers)
    if until is not None:
        clock = max(clock, until if latest is None else min(until, latest))
    yield control(ControlClock(import_id=import_id, at=clock))
    yield control(ControlImport(import_id=import_id, state="closed", source_hash=source.content_hash))
