"""Times on the wire (RFC 3339) and inside (integer milliseconds since 1970, UTC)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# Limits of `iso`: the years 1 to 9999 in UTC.
_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
LATEST_MS: Final = 32_503_680_000_000
"""3000-01-01 UTC: later dues are ignored."""

EARLIEST_MS: Final = 631_152_000_000
"""1990-01-01 UTC, the earliest time of an event.

Older dates in files mean that the date is missing (1899-12-30, 1900-01-01, 1970-01-01).
"""

# A full date, a full time and an offset; `datetime` would also accept week dates and naive times.
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
# Parts of a UTC time, so that parsing the usual forms (whole seconds, milliseconds) takes four look-ups.
_MINUTE: Final = {f"T{minute // 60:02d}:{minute % 60:02d}": minute * 60_000 for minute in range(1440)}
_SECOND: Final = {f":{second:02d}": second * 1000 for second in range(60)}
_FRACTION: Final = {"Z": 0, "+00:00": 0} | {f".{ms:03d}{zone}": ms for ms in range(1000) for zone in ("Z", "+00:00")}

_MINUTES: Final = tuple(_MINUTE)
_SECONDS: Final = tuple(_SECOND)
_ENDS: Final = ("Z", *(f".{ms:03d}Z" for ms in range(1, 1000)))
SIX_DIGITS: Final = ("Z", *(f".{ms:03d}000Z" for ms in range(1, 1000)))
"""Endings of a time by its milliseconds, for `iso`: with six digits, as JSON encoders write a ``datetime``."""
_DAY_MS: Final = 86_400_000


def epoch_ms(text: str) -> int:
    """Return the milliseconds of an RFC 3339 time with an offset; finer parts are truncated.

    Raises
    ------
    ValueError
        The date, time or offset does not exist, or is outside the years 1 to 9999. The message does not repeat the
        input.

    >>> epoch_ms("2011-11-02T11:15:00.120+01:00")
    1320228900120
    """
    try:
        return _day(text[:10]) + _MINUTE[text[10:16]] + _SECOND[text[16:19]] + _FRACTION[text[19:]]
    except (KeyError, ValueError):
        return _parse(text)


@lru_cache(maxsize=4_096)
def _day(text: str) -> int:
    return _parse(text + "T00:00:00Z")


def _parse(text: str) -> int:
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with a UTC offset")
    try:
        at = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except ValueError:
        raise ValueError("not a valid date or time") from None
    if not _FIRST_MS <= at <= _LAST_MS:
        raise ValueError("outside the years 1 to 9999 in UTC")
    return at


def iso(at: int, ends: Sequence[str] = _ENDS) -> str:
    """Return the instant ``at`` (ms) as a UTC text, with milliseconds only if they are not zero.

    Parameters
    ----------
    ends
        Endings after the seconds, by milliseconds: the default or `SIX_DIGITS`.

    Raises
    ------
    ValueError, OverflowError
        ``at`` is outside the years 1 to 9999.

    >>> iso(1320228900000), iso(1320228900120), iso(1320228900120, SIX_DIGITS)
    ('2011-11-02T10:15:00Z', '2011-11-02T10:15:00.120Z', '2011-11-02T10:15:00.120000Z')
    """
    day, rest = divmod(at, _DAY_MS)
    # The remainder is small, so that only the first division is of a large number.
    minute, rest = divmod(rest, 60_000)
    second, ms = divmod(rest, 1000)
    return f"{_day_text(day)}{_MINUTES[minute]}{_SECONDS[second]}{ends[ms]}"


@lru_cache(maxsize=4_096)
def _day_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()
