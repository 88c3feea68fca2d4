"""Compute the hour of a week at which a play sends last week's report, and the days the report covers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKLY: Final = re.compile(r"(\w+) ([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Weekly:
    """An hour of the week in the shop's time zone: the day from Monday (0) to Sunday (6), and minutes from midnight."""

    day: int
    minute: int


def weekly(text: str) -> Weekly:
    """Parse an hour of the week such as ``monday 08:00``. Raises ValueError.

    >>> weekly("Monday 08:30")
    Weekly(day=0, minute=510)
    """
    found = _WEEKLY.fullmatch(text)
    if found is None or found.group(1).lower() not in DAYS:
        raise ValueError("a day and a time, for example monday 08:00")
    return Weekly(DAYS.index(found.group(1).lower()), int(found.group(2)) * 60 + int(found.group(3)))


def latest(at: Weekly, now: int, where: ZoneInfo) -> tuple[int, date]:
    """Return the latest occasion up to ``now`` (ms), as instant (ms) and local day.

    >>> latest(Weekly(0, 480), 1_795_420_800_000, ZoneInfo("Europe/Berlin"))
    (1795417200000, datetime.date(2026, 11, 23))
    """
    today = datetime.fromtimestamp(now / 1000, where).date()
    day = today - timedelta(days=(today.weekday() - at.day) % 7)
    found = _instant(day, at.minute, where)
    if found > now:
        day -= timedelta(days=7)
        found = _instant(day, at.minute, where)
    return found, day


def covered(day: date) -> tuple[date, date]:
    """Return the first and last day of the report on an occasion: the seven days before it.

    >>> covered(date(2026, 11, 23))
    (datetime.date(2026, 11, 16), datetime.date(2026, 11, 22))
    """
    return day - timedelta(days=7), day - timedelta(days=1)


def _instant(day: date, minute: int, where: ZoneInfo) -> int:
    local = datetime.combine(day, time(minute // 60, minute % 60), where)
    return int(local.astimezone(UTC).timestamp() * 1000)
