"""Parse durations, rates and hours as people write them: ``24 hours``, ``3 a week``, ``21:00-08:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

UNITS: Final = {
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 7 * 86_400_000,
}
NEVER: Final = 2**62
"""A duration that no clock reaches."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?) (second|minute|hour|day|week)s?")
_RATE = re.compile(r"(\d+) an? (second|minute|hour|day|week)")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_STORM = re.compile(r"(\d+(?:\.\d+)?) ?% of customers in (\d+(?:\.\d+)? (?:second|minute|hour|day|week)s?)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit: at most ``count`` in any period of ``per`` (ms)."""

    count: int
    per: int


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of a local day in minutes from midnight. ``end`` may be before ``start``, on the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Storm:
    """The storm limit: one play may reach at most this share of all customers within ``per`` (ms)."""

    share: float
    per: int


def duration(text: str) -> int:
    """Return a duration in milliseconds. Raises ValueError.

    >>> duration("24 hours"), duration("1.5 minutes"), duration("never") == NEVER
    (86400000, 90000, True)
    """
    if text == "never":
        return NEVER
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("a duration (for example 24 hours or 3 days) or never")
    return round(float(found.group(1)) * UNITS[found.group(2)])


def rate(text: str) -> Rate:
    """Parse a rate such as ``3 a week``. Raises ValueError.

    >>> rate("2 a second"), rate("20 an hour")
    (Rate(count=2, per=1000), Rate(count=20, per=3600000))
    """
    found = _RATE.fullmatch(text)
    if found is None or found.group(1).strip("0") == "":
        raise ValueError("a rate, for example 2 a second, 500 a day or 3 a week")
    return Rate(int(found.group(1)), UNITS[found.group(2)])


def window(text: str) -> Window | None:
    """Parse hours such as ``21:00-08:00``; None for ``none``. Raises ValueError.

    >>> window("21:00-08:00"), window("none")
    (Window(start=1260, end=480), None)
    """
    if text == "none":
        return None
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("hours (for example 21:00-08:00) or none")
    start, end = (int(found.group(n)) * 60 + int(found.group(n + 1)) for n in (1, 3))
    if start == end:
        raise ValueError("hours that do not cover the whole day")
    return Window(start, end)


def storm(text: str) -> Storm:
    """Parse a limit such as ``5 % of customers in 1 hour``. Raises ValueError.

    >>> storm("5 % of customers in 1 hour")
    Storm(share=0.05, per=3600000)
    """
    found = _STORM.fullmatch(text)
    if found is None:
        raise ValueError("a limit, for example 5 % of customers in 1 hour")
    return Storm(float(found.group(1)) / 100, duration(found.group(2)))
