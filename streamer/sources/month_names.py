"""Parse dates with a month's name: ``2 Mar 2024``, ``March 2nd, 2024 10:00 PM``, RFC 2822, and the output of ``date``.

The whole text must be understood, because ignoring a zone or AM/PM would yield another instant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_MONTHS: Final = (
    "january jan januar janvier janv enero ene gennaio gen januari janeiro leden ledna tammikuu tammikuuta ocak oca stycznia "
    "január ιανουάριος ιανουαρίου ιαν січень січня січ январь января янв يناير ינואר มกราคม ม.ค.",
    "february feb februar fevrier fevr febrero febbraio februari fevereiro fev únor února helmikuu helmikuuta şubat şub lutego "
    "február febr φεβρουάριος φεβρουαρίου φεβ лютий лютого лют февраль февраля фев فبراير פברואר กุมภาพันธ์ ก.พ.",
    "march mar marz maerz mrz mars marzo marts março maret březen března maaliskuu maaliskuuta mart marca március márc "
    "μάρτιος μαρτίου μαρ березень березня бер март марта мар مارس מרץ มีนาคม มี.ค.",
    "april apr avril avr abril abr aprile duben dubna huhtikuu huhtikuuta nisan nis kwietnia április ápr απρίλιος απριλίου απρ "
    "квітень квітня кві апрель апреля апр أبريل ابريل إبريل אפריל เมษายน เม.ย.",
    "may mai mayo maggio mag maj maio mei květen května toukokuu toukokuuta mayıs maja május máj μάιος μαΐου μαι травень травня "
    "тра май мая مايو מאי พฤษภาคม พ.ค.",
    "june jun juni juin junio giugno giu junho červen června kesäkuu kesäkuuta haziran haz czerwca június jún ιούνιος ιουνίου "
    "ιουν червень червня чер июнь июня июн يونيو יוני มิถุนายน มิ.ย.",
    "july jul juli juillet juil julio luglio lug julho červenec července heinäkuu heinäkuuta temmuz tem lipca július júl "
    "ιούλιος ιουλίου ιουλ липень липня лип июль июля июл يوليو יולי กรกฎาคม ก.ค.",
    "august aug aout agosto ago augusti agustus agu srpen srpna elokuu elokuuta ağustos ağu sierpnia augusztus αύγουστος "
    "αυγούστου αυγ серпень серпня сер август августа авг أغسطس اغسطس אוגוסט สิงหาคม ส.ค.",
    "september sep sept septembre septiembre settembre set setembro září syyskuu syyskuuta eylül eyl września szeptember szept "
    "σεπτέμβριος σεπτεμβρίου σεπ вересень вересня вер сентябрь сентября сен سبتمبر ספטמבר กันยายน ก.ย.",
    "october oct oktober okt octobre octubre ottobre ott outubro out říjen října lokakuu lokakuuta ekim eki października október "
    "οκτώβριος οκτωβρίου οκτ жовтень жовтня жов октябрь октября окт أكتوبر اكتوبر אוקטובר ตุลาคม ต.ค.",
    "november nov novembre noviembre novembro listopadu marraskuu marraskuuta kasım kas νοέμβριος νοεμβρίου νοε листопад "
    "листопада лис ноябрь ноября ноя نوفمبر נובמבר พฤศจิกายน พ.ย.",
    "december dec dezember dez decembre diciembre dic dicembre dezembro desember des prosinec prosince "
    "joulukuu joulukuuta aralık "
    "ara grudnia δεκέμβριος δεκεμβρίου δεκ грудень грудня гру декабрь декабря дек ديسمبر דצמבר ธันวาคม ธ.ค.",
)
"""Names that mean the same month in all these languages. ``listopad`` is October in some and November in others."""


def _plain(text: str) -> str:
    """Return a text in lower case, without accents and abbreviation dots."""
    apart = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i")
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


_NUMBERS: Final = {
    _plain(name).replace(".", ""): number for number, names in enumerate(_MONTHS, 1) for name in names.split()
}
_VIETNAMESE: Final = re.compile(r"\bth(?:ang|g)\.?\s*(\d{1,2})\b(?:,?\s+nam\b)?")
_BUDDHIST: Final = 543
"""Years by which the Thai calendar is ahead."""
_WEEKDAY: Final = r"(?:[^\d\s,]{2,12}\.?,?\s+)?"
_MONTH: Final = r"(?P<month>[^\d\s,/:-]{3,14})"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR: Final = r"(?P<year>\d{4})(?:\s?[гр]\.)?"
_TIME: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?\s*(?P<noon>[ap]\.?m\.?)?"
)
_ZONE: Final = r"(?:\s*(?P<zone>z|[ecmp][sd]t|(?:utc|gmt|ut)?[+-]\d{2}(?::?\d{2})?|utc|gmt|ut)(?:\s*\([^)]*\))?)?"
_CLOCK: Final = rf"(?:(?:,|\s+at|:|t)?\s*{_TIME}{_ZONE})?"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"{_WEEKDAY}{_DAY}(?:\s+de(?=\s)|-|/)?\s*{_MONTH}(?:\s+de(?=\s)|-|/|,)?\s*{_YEAR}{_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}[\s-]+{_DAY},?[\s-]+{_YEAR}{_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_TIME}{_ZONE}\s+{_YEAR}",
        rf"{_YEAR}(?:\.?\s+|-|/){_MONTH}(?:\s+|-|/){_DAY}{_CLOCK}",
    )
)
_SHORT: Final = re.compile(rf"{_DAY}(?:-|/|\s)\s*{_MONTH}(?:-|/|,?\s)\s*'?(?P<year>\d{{2}}){_CLOCK}")
_THIS_CENTURY: Final = 30
"""Spreadsheets read two-digit years below this as years of this century."""
_US_ZONES: Final = {"e": -5, "c": -6, "m": -7, "p": -8}


def parts_of(text: str, *, short: bool = False) -> dict[str, str] | None:
    """Return a date's parts (year, month, day, hour, minute, second, part, noon, zone) as digits and lower-case text.

    None if the text has none of these forms. ``zone`` is ``z`` or an offset; missing parts are empty.

    Parameters
    ----------
    short
        Whether years may have two digits, after the day and the month.

    >>> parts_of("March 2nd, 2024 at 10:00 PM")["month"], parts_of("2. März 2024")["month"], parts_of("2 Foo 2024")
    ('3', '3', None)
    >>> parts_of("05-Jan-24", short=True)["year"], parts_of("05-Jan-24")
    ('2024', None)
    """
    plain = _VIETNAMESE.sub(_numbered, _plain(text))
    for form in (*_FORMS, _SHORT) if short else _FORMS:
        match = form.fullmatch(plain)
        if match is not None and (number := _month(match["month"])) is not None:
            parts = {name: found or "" for name, found in match.groupdict().items()}
            return {**parts, "year": _year(parts), "month": str(number), "zone": _offset(parts["zone"])}
    return None


def has_short_year(text: str) -> bool:
    """Return whether a text is a date such as ``05-Jan-24``.

    >>> has_short_year("05-Jan-24"), has_short_year("45-Jan-24"), has_short_year("05-Jan-2024")
    (True, False, False)
    """
    match = _SHORT.fullmatch(_plain(text))
    return match is not None and 1 <= int(match["day"]) <= 31 and _month(match["month"]) is not None


def _numbered(match: re.Match[str]) -> str:
    """Return the English name of a month whose name is a number, as in Vietnamese."""
    number = int(match[1])
    return _MONTHS[number - 1].split()[0] if 1 <= number <= 12 else match[0]


def _month(name: str) -> int | None:
    bare = name.replace(".", "")
    # In Hebrew, the word for "in" is a prefix of the next word.
    return _NUMBERS.get(bare) or _NUMBERS.get(bare.removeprefix("ב"))


def _year(parts: Mapping[str, str]) -> str:
    year = parts["year"]
    if len(year) == 2:
        return ("20" if int(year) < _THIS_CENTURY else "19") + year
    return str(int(year) - _BUDDHIST) if "\u0e00" < parts["month"][0] < "\u0e80" and int(year) > 2400 else year


def _offset(zone: str) -> str:
    if zone[1:] in ("st", "dt"):
        return f"{_US_ZONES[zone[0]] + (zone[1] == 'd'):+03d}"
    offset = zone.lstrip("utcgm")
    return offset or ("z" if zone else "")
