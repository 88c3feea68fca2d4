"""One JSON record as events by a mapping: what a webhook of a shop brings."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from streamer.sources.bodies import Bodies, Numbered
from streamer.sources.habits import Habits
from streamer.sources.json_rows import cells_of
from streamer.sources.mapping import TableMapping
from streamer.sources.times import Times
from streamer.sources.values import Values


def bodies_of(
    record: dict[str, Any], mapping: TableMapping, zone: str, currency: str, nobody: frozenset[str]
) -> list[bytes]:
    """The bodies of the events that a record says; none where the mapping does not want it.

    The same record gives the same bodies, ids included.

    Parameters
    ----------
    record
        As `parsed` gives it: numbers keep the form in which they were written.
    zone, currency
        The shop's, for what the record and the mapping leave open.

    Raises
    ------
    Refused
        The mapping wants it, and it cannot be read.
    """
    found, rows = _read(record, mapping, zone, currency, nobody)
    return [_json(body) for _, body in found.of(rows, mapping.event)]


def guests_of(
    record: dict[str, Any], mapping: TableMapping, zone: str, currency: str, nobody: frozenset[str]
) -> list[bytes]:
    """The bodies of orders and refunds that name no customer, as `bodies_of` reads them; none where there is another reason
    why a record cannot be read.
    """
    found, rows = _read(record, mapping, zone, currency, nobody)
    return [_json(body) for body in found.of_guests(rows, mapping.event)]


def _read(
    record: dict[str, Any], mapping: TableMapping, zone: str, currency: str, nobody: frozenset[str]
) -> tuple[Bodies, list[Numbered]]:
    cells = cells_of(record, mapping.named(), mapping.lists())
    habits = Habits(mapping)
    habits.see(cells)
    times = Times(mapping.dates, ZoneInfo(mapping.timezone or zone), None)
    times.day_first = habits.day_first
    values = Values(times, habits.decimal)
    return Bodies(mapping, values, mapping.currency or currency, nobody, habits.is_number), [(1, cells)]


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
