"""Convert one JSON record from a shop's webhook to events, by a mapping."""

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
    """Return the bodies of a record's events; none if the mapping excludes it.

    The same record yields the same bodies, including ids.

    Parameters
    ----------
    record
        A record from `parsed`, in which numbers keep their written form.
    zone, currency
        The shop's values, used if neither record nor mapping has one.

    Raises
    ------
    Refused
        The mapping includes the record, but it cannot be read.
    """
    found, rows = _read(record, mapping, zone, currency, nobody)
    return [_json(body) for _, body in found.of(rows, mapping.event)]


def guests_of(
    record: dict[str, Any], mapping: TableMapping, zone: str, currency: str, nobody: frozenset[str]
) -> list[bytes]:
    """Return the bodies of orders and refunds without a customer, as in `bodies_of`.

    Empty if the record cannot be read for another reason.
    """
    found, rows = _read(record, mapping, zone, currency, nobody)
    return [_json(body) for body in found.of_guests(rows, mapping.event)]


def _read(
    record: dict[str, Any], mapping: TableMapping, zone: str, currency: str, nobody: frozenset[str]
) -> tuple[Bodies, list[Numbered]]:
    cells = cells_of(record, mapping.named(), mapping.lists())
    habits = Habits(mapping, currency)
    habits.see(cells)
    times = Times(mapping.dates, ZoneInfo(mapping.timezone or zone), None)
    times.day_first = habits.day_first
    values = Values(times, habits.decimal)
    return Bodies(mapping, values, mapping.currency or currency, nobody, habits.is_number), [(1, cells)]


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
