"""Dates with a month's name: ``2 Mar 2024``, ``March 2nd, 2024 10:00 PM``, RFC 2822, and the output of ``date``.

The whole text must be understood: ignoring a zone or AM/PM would yield another instant.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_MONTHS: Final = (
    "january jan januar janvier janv enero ene gennaio gen",
    "february feb februar fevrier fevr febrero febbraio",
    "march mar marz maerz mrz mars marzo",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "june jun juni juin junio giugno giu",
    "july jul juli juillet juil julio luglio lug",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre settembre set",
    "october oct oktober okt octobre octubre ottobre ott",
    "november nov novembre noviembre",
    "december dec dezember dez decembre diciembre dic dicembre",
)
_NUMBERS: Final = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_WEEKDAY: Final = r"(?:[a-z]{2,10}\.?,?\s+)?"
_MONTH: Final = r"(?P<month>[a-z]{3,10})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR: Final = r"(?P<year>\d{4})"
_TIME: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?\s*(?P<noon>[ap]\.?m\.?)?"
)
_ZONE: Final = r"(?:\s*(?P<zone>z|[ecmp][sd]t|(?:utc|gmt|ut)?[+-]\d{2}(?::?\d{2})?|utc|gmt|ut)(?:\s*\([^)]*\))?)?"
_CLOCK: Final = rf"(?:(?:,|\s+at|:|t)?\s*{_TIME}{_ZONE})?"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"{_WEEKDAY}{_DAY}(?:\s+de|-|/)?\s*{_MONTH}(?:\s+de|-|/|,)?\s*{_YEAR}{_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}[\s-]+{_DAY},?[\s-]+{_YEAR}{_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_TIME}{_ZONE}\s+{_YEAR}",
    )
)
_US_ZONES: Final = {"e": -5, "c": -6, "m": -7, "p": -8}


def parts_of(text: str) -> dict[str, str] | None:
    """Parts of a date (year, month, day, hour, minute, second, part, noon, zone), as digits and in lower case.

    None if it has none of these forms. ``zone`` is ``z`` or an offset; missing parts are empty.

    >>> parts_of("March 2nd, 2024 at 10:00 PM")["month"], parts_of("2. März 2024")["month"], parts_of("2 Foo 2024")
    ('3', '3', None)
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    for form in _FORMS:
        match = form.fullmatch(plain)
        if match is not None and (number := _NUMBERS.get(match["month"])) is not None:
            parts = {name: found or "" for name, found in match.groupdict().items()}
            return {**parts, "month": str(number), "zone": _offset(parts["zone"])}
    return None


def _offset(zone: str) -> str:
    if zone[1:] in ("st", "dt"):
        return f"{_US_ZONES[zone[0]] + (zone[1] == 'd'):+03d}"
    offset = zone.lstrip("utcgm")
    return offset or ("z" if zone else "")
