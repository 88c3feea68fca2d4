"""Find a date and a time of day in two separate columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streamer.sources.dialect import folded
from streamer.sources.times import zone_named

_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(\s*[AaPp]\.?[Mm]\.?)?", re.ASCII)
_MIDNIGHT: Final = "00:00:00"
_DATE: Final = re.compile(
    r"date|datum|fecha|\bdata\b|dato\b|tarih|\bday\b|\btag\b|created|дата|日期|日付|날짜|päivä|dátum|"
    r"ημερομηνία|تاريخ|תאריך|วันที่|ngày|tanggal"
)
_TIME: Final = re.compile(
    r"\btime\b|zeit\b|uhrzeit|heure|\bhora\b|\bora\b|godzina|\btid\b|saat|время|时间|時刻|時間|시간|"
    r"\bčas\b|klokkeslæt|klokkeslett|klockslag|kellonaika|időpont|ώρα|\bчас\b|время|الوقت|שעה|เวลา|\bgiờ\b|\bjam\b"
)
_OTHERS: Final = re.compile(r"ship|deliver|fulfil|due|birth|versand|liefer|geburt|livraison|env[ií]o|发货|配送")
_ZONES: Final = frozenset(("timezone", "time zone", "tz", "zeitzone", "fuseau horaire", "zona horaria", "时区"))


@dataclass(frozen=True, slots=True)
class Clock:
    """The columns of a date, its time of day and, if present, its time zone.

    ``midnights`` is true if the date cells end with a midnight, as in workbooks.
    """

    date: str
    time: str
    zone: str | None = None
    midnights: bool = False


def clock_of(header: Sequence[str], rows: Sequence[Mapping[str, str]], found: Mapping[str, str]) -> Clock | None:
    """Return the date and time columns if the column found for the time holds only one of the two.

    Parameters
    ----------
    found
        The column of each field; those of other fields than ``occurred_at`` are not used.
    """
    column = found["occurred_at"]
    free = [name for name in header if name not in found.values()]
    cells = _cells(rows, column)
    if not cells:
        return None
    if all(map(_CLOCK.fullmatch, cells)):
        date = next(_columns(free, rows, _DATE, _is_day), None)
        pair = None if date is None else (date, column)
    elif all(map(_is_day, cells)):
        time = next(_columns(free, rows, _TIME, _CLOCK.fullmatch), None)
        pair = None if time is None else (column, time)
    else:
        pair = None
    if pair is None:
        return None
    midnights = any(text.endswith(_MIDNIGHT) for text in _cells(rows, pair[0]))
    return Clock(*pair, _zone(free, rows), midnights)


def _columns(
    free: Sequence[str], rows: Sequence[Mapping[str, str]], names: re.Pattern[str], fits: object
) -> Iterator[str]:
    assert callable(fits)
    for name in free:
        plain = folded(re.sub(r"[_-]+", " ", name))
        texts = _cells(rows, name)
        if names.search(plain) and not _OTHERS.search(plain) and texts and all(map(fits, texts)):
            yield name


def _zone(free: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """Return the column whose cells all name a known time zone."""
    for name in free:
        if folded(name) in _ZONES:
            with suppress(ValueError):
                texts = _cells(rows, name)
                for text in set(texts):
                    zone_named(text)
                return name if texts else None
    return None


def _cells(rows: Sequence[Mapping[str, str]], name: str) -> list[str]:
    return [text for row in rows if (text := row.get(name, "").strip())]


def _is_day(text: str) -> bool:
    return ":" not in text.removesuffix(_MIDNIGHT) and any(map(str.isdigit, text)) and not text.isdigit()
