"""Parse times as files write them, without guessing.

Recognised without a declaration: year first (``2024-03-02 10:00``, ``2024/3/2``, ``20240302``, ``2024年3月2日``), day
first with dots (``02.03.2024``), RFC 3339, and month names (`month_names`, including RFC 2822). For ``3/2/2024`` the
file's other dates decide whether the month or the day comes first (`habits`). If they do not, the time is rejected with
both readings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from models.messages.translatable import translatable
from schemas.wire_time import EARLIEST_MS
from streamer.sources.month_names import parts_of

SERIAL: Final = ("unix", "unix_ms", "unix_us", "excel")
"""Numeric time formats: seconds or fractions since 1970, or spreadsheet days since 1899-12-30."""

_EXCEL_EPOCH: Final = datetime(1899, 12, 30)
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d+)?", re.ASCII)
_CLOCK: Final = (
    r"(?:[T ,]+(?P<half>上午|下午)?\s*(?P<hour>\d{1,2})[:时点](?P<minute>\d{2})"
    r"(?:[:分](?P<second>\d{2})秒?(?:[.,](?P<part>\d{1,9}))?|分)?"
    r"\s*(?P<noon>[AaPp]\.?[Mm]\.?)?)?\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
_YEAR_FIRST: Final = re.compile(
    r"(?P<year>\d{4})(?P<sep>[-/.年])(?P<month>\d{1,2})(?:(?P=sep)|月)(?P<day>\d{1,2})日?" + _CLOCK, re.ASCII
)
_COMPACT: Final = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + _CLOCK, re.ASCII)
_DIGITS: Final = re.compile(
    r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})[T ]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})"
    r"(?P<half>)(?P<part>)(?P<noon>)(?P<zone>Z)?",
    re.ASCII,
)
_YEAR_LAST: Final = re.compile(
    r"(?P<one>\d{1,2})(?P<sep>[-/.])(?P<two>\d{1,2})(?P=sep)(?P<year>\d{4})" + _CLOCK, re.ASCII
)

# Zone names in exports of US services, which are not IANA names.
_ZONES: Final = {
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "pacific time (us & canada)": "America/Los_Angeles",
    "atlantic time (canada)": "America/Halifax",
    "arizona": "America/Phoenix",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "london": "Europe/London",
    "dublin": "Europe/Dublin",
    "paris": "Europe/Paris",
    "berlin": "Europe/Berlin",
    "madrid": "Europe/Madrid",
    "amsterdam": "Europe/Amsterdam",
    "tokyo": "Asia/Tokyo",
    "beijing": "Asia/Shanghai",
    "sydney": "Australia/Sydney",
}


class BadDate(ValueError):
    """Raised for an invalid time: it does not exist, is before 1990 or in the future, or is ambiguous."""


def names_a_year(form: str) -> bool:
    """Return whether a ``strptime`` format contains the year. Without one, all times would fall into the same year."""
    return form in SERIAL or any(code in form for code in ("%Y", "%y", "%G", "%c", "%x"))


def day_order(text: str) -> str | None:
    """Return which comes first in a date ending with the year: ``day`` or ``month``; None if both are possible.

    >>> day_order("13/12/2009 07:45"), day_order("12/13/2009"), day_order("01/12/2009")
    ('day', 'month', None)
    """
    match = _YEAR_LAST.fullmatch(text)
    if match is None or match["sep"] == ".":
        return None
    one, two = int(match["one"]), int(match["two"])
    if (one > 12) == (two > 12):
        return None
    return "day" if one > 12 else "month"


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo:
    """Return the time zone with this name, including names used by US services. Raises ValueError."""
    try:
        return ZoneInfo(_ZONES.get(name.casefold(), name))
    except (KeyError, ValueError, OSError):
        raise ValueError(translatable("file no zone")) from None


class Times:
    """Parses times by the conventions of one file.

    Parameters
    ----------
    forms
        Formats for ``strptime`` or from `SERIAL`, tried first, in order.
    zone
        Time zone of times without an offset. A time in a repeated hour means the first occurrence.
    now_ms
        Current time, epoch ms; later times are rejected. None for no limit.
    """

    def __init__(self, forms: Sequence[str], zone: ZoneInfo, now_ms: int | None = None) -> None:
        self._forms = [form for form in forms if form not in SERIAL]
        self._serial = [form for form in forms if form in SERIAL]
        self._known = ", ".join((*forms, "2024-03-02 10:00", "RFC 3339"))
        self._zone = zone
        self._now = now_ms
        self.day_first: bool | None = None
        """Whether ``3/2/2024`` is 3 February; None if the file does not show it."""
        self.short_years = False
        """Whether ``05-Jan-24`` is a date, which holds if all times of the file look like it."""

    def instant(self, text: str, zone: ZoneInfo | None = None, *, past: bool = True) -> int:
        """Return a time as epoch ms.

        Parameters
        ----------
        past
            Whether it must be between 1990 and the present.

        Raises
        ------
        BadDate
            The time is invalid.
        ValueError
            The text has no known format.
        """
        if not text.isascii():
            text = _plain_digits(text)
        try:
            at = self._read(text, zone or self._zone)
        except OverflowError:
            raise BadDate(translatable("file no date")) from None
        if past and at < EARLIEST_MS:
            raise BadDate(translatable("file before 1990"))
        if past and self._now is not None and at > self._now:
            raise BadDate(translatable("file in future"))
        return at

    def _read(self, text: str, zone: ZoneInfo) -> int:
        for form in self._forms:
            try:
                return _ms(datetime.strptime(text, form), zone)
            except ValueError:
                continue
        # Fourteen digits read as milliseconds would be centuries ahead.
        match = _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text)
        if match is not None:
            return _of_parts(match.groupdict(), int(match["month"]), int(match["day"]), zone)
        if self._serial and _NUMBER.fullmatch(text):
            at = _of_number(text, self._serial, zone)
            if at >= EARLIEST_MS or _COMPACT.fullmatch(text) is None:
                return at
        for known in (_COMPACT, _YEAR_LAST):
            if (match := known.fullmatch(text)) is not None:
                month, day = (match["month"], match["day"]) if known is _COMPACT else self._ordered(match)
                return _of_parts(match.groupdict(), int(month), int(day), zone)
        if re.fullmatch(r"\d{5}(\.\d+)?", text):
            raise ValueError(translatable("file sheet day"))
        parts = parts_of(text, short=self.short_years)
        if parts is None:
            raise ValueError(translatable("file unknown time", known=self._known))
        return _of_parts(parts, int(parts["month"]), int(parts["day"]), zone)

    def _ordered(self, match: re.Match[str]) -> tuple[str, str]:
        """Return month and day of a date that ends with the year."""
        one, two = match["one"], match["two"]
        if match["sep"] == "." or int(one) > 12:
            return two, one
        if int(two) > 12 or int(one) == int(two):
            return one, two
        if self.day_first is None:
            first, second = (_iso_day(match["year"], *both) for both in ((two, one), (one, two)))
            raise BadDate(translatable("file two dates", one=first, two=second, sep=match["sep"]))
        return (two, one) if self.day_first else (one, two)


def _plain_digits(text: str) -> str:
    """Convert digits of any script to ASCII."""
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _iso_day(year: str, month: str, day: str) -> str:
    return f"{int(year):04d}-{int(month):02d}-{int(day):02d}"


def _ms(read: datetime, zone: ZoneInfo) -> int:
    aware = read if read.tzinfo is not None else read.replace(tzinfo=zone)
    # Years at the edge of the calendar have no UTC instant.
    return round(aware.timestamp() * 1000)


def _of_parts(match: Mapping[str, str | None], month: int, day: int, zone: ZoneInfo) -> int:
    hour = int(match["hour"] or 0)
    before = match.get("half")
    half = (match["noon"] or before or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12 and not (before and hour == 0):
            raise BadDate(translatable("file no time"))
        hour = hour % 12 + (12 if half in ("p", "下") or before == "下午" else 0)
    try:
        read = datetime(
            int(match["year"] or 0),
            month,
            day,
            hour,
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int((match["part"] or "0")[:6].ljust(6, "0")),
            _offset(match["zone"]),
        )
    except ValueError:
        raise BadDate(translatable("file no instant")) from None
    return _ms(read, zone)


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _of_number(text: str, forms: Sequence[str], zone: ZoneInfo) -> int:
    number = float(text)
    if "excel" in forms and 0 < number < 200_000:
        return _ms(_EXCEL_EPOCH + timedelta(days=number), zone)
    # The units are distinguished by size, because they differ by a factor of a thousand.
    size = abs(number)
    if size < 1e11:
        return round(number * 1000)
    return int(number / (1.0 if size < 1e14 else 1e3 if size < 1e17 else 1e6))
