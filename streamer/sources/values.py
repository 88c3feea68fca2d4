"""Convert a file's texts to event values: amounts, whole numbers, times, booleans, ids."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.messages.translatable import translatable
from schemas.wire_time import iso
from streamer.sources import numbers
from streamer.sources.times import Times, zone_named

AMOUNTS: Final = frozenset(
    {"total", "discount", "shipping", "tax", "price", "line_total", "income", "rating", "quantity"}
)
MONEY: Final = frozenset({"total", "discount", "shipping", "tax", "price", "line_total"})
WHOLE: Final = frozenset({"birth_year", "schema_version"})
TIMES: Final = frozenset({"occurred_at", "sent_at", "signup_at", "updated_at"})
_TRUTHS: Final = frozenset({"personalization", "marketing", "analytics", "marketing_opt_in"})
_IDS: Final = frozenset({"customer_id", "anonymous_id", "order_id", "refund_id", "product_id"})
_YES: Final = frozenset({"true", "yes", "y", "1", "on", "是", "ja", "oui", "si", "sí"})
_NO: Final = frozenset({"false", "no", "n", "0", "off", "否", "nein", "non"})
_SHEET_NUMBER: Final = re.compile(r"(\d+)\.0+|(\d)\.(\d+)[eE]\+?(\d+)", re.ASCII)


class Values:
    """Parses texts by the conventions of one file; see `numbers` and `times` for the formats.

    Every method raises ValueError, with a message that follows the field's name and does not contain the text.
    """

    def __init__(self, times: Times, decimal: str | None = None) -> None:
        self.times = times
        self.decimal = decimal
        self.from_sheets = 0
        """Number of ids that a spreadsheet had turned into numbers, such as ``12345.0``."""
        self.other_signs: Counter[str] = Counter()
        """Number of amounts with a sign, such as ``$``, that their assumed currency does not use, by that currency."""

    def read(self, field: str, text: str, kind: str | None = None, zone: str | None = None) -> Any:
        """Return the value for ``field`` (dotted if nested): text, unless the field's name implies another type."""
        name = field.rpartition(".")[2]
        if kind == "number" or (kind is None and name in AMOUNTS):
            number = self.amount(text).text
            return _whole_if_so(number) if kind == "number" or name == "quantity" else float(number)
        if name in WHOLE:
            whole = float(self.amount(text).text)
            if not whole.is_integer():
                raise ValueError(translatable("file no whole number"))
            return int(whole)
        if kind == "time" or name in TIMES:
            return iso(self.times.instant(text, self.zone(zone), past=name != "signup_at"))
        if kind == "truth" or name in _TRUTHS:
            return self.truth(text)
        if name in _IDS:
            return self.id(text)
        if name == "currency":
            return numbers.currency_named(text) or text.upper()
        return text

    def amount(self, text: str) -> numbers.Amount:
        """Return the number in a text and the adjacent currency."""
        return numbers.amount(text, self.decimal)

    def sign(self, text: str) -> int | None:
        """Return -1, 0 or 1 for a number, or None for other text."""
        try:
            number = float(self.amount(text).text)
        except ValueError:
            return None
        return (number > 0) - (number < 0)

    def zone(self, name: str | None) -> ZoneInfo | None:
        return zone_named(name) if name else None

    def truth(self, text: str) -> bool:
        word = text.casefold()
        if word in _YES or word in _NO:
            return word in _YES
        raise ValueError(translatable("file no truth"))

    def id(self, text: str) -> str:
        """Return an id in NFC, undoing a spreadsheet's changes.

        >>> from zoneinfo import ZoneInfo
        >>> values = Values(Times((), ZoneInfo("UTC")))
        >>> values.id("12345.0"), values.id("1.2345E+04"), values.id("00123")
        ('12345', '12345', '00123')
        """
        if not text.isascii():
            return unicodedata.normalize("NFC", text)
        match = _SHEET_NUMBER.fullmatch(text)
        if match is None:
            return text
        self.from_sheets += 1
        if match[1]:
            return match[1]
        digits, exponent = match[3], int(match[4])
        if len(digits.rstrip("0")) > exponent or len(digits) < exponent:
            raise ValueError(translatable("file digits cut"))
        return match[2] + digits[:exponent]


def _whole_if_so(text: str) -> int | float:
    """Keep whole quantities and traits as integers."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
