"""Texts of a CSV file as what an event says: amounts, whole numbers, times, yes and no."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.wire_time import epoch_ms, iso

_AMOUNTS: Final = frozenset({"total", "discount", "shipping", "tax", "price", "line_total", "income", "rating"})
_WHOLE: Final = frozenset({"quantity", "birth_year", "schema_version"})
_TIMES: Final = frozenset({"occurred_at", "sent_at", "signup_at"})
_TRUTHS: Final = frozenset({"personalization", "marketing", "analytics", "marketing_opt_in"})
_YES: Final = frozenset({"true", "yes", "y", "1", "on"})
_NO: Final = frozenset({"false", "no", "n", "0", "off"})
_PLAIN: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


class Values:
    """Reads texts in the habits of one file.

    Parameters
    ----------
    decimal
        ``.`` or ``,``; the other may stand between thousands.
    dates
        Forms of times, tried first and in order.
    zone
        Of times without an offset. Of an hour that comes twice the first is meant.

    Every method raises ValueError, with words that fit behind the field's name and do not show the text.
    """

    def __init__(self, decimal: str, dates: Sequence[str], zone: ZoneInfo) -> None:
        thousands = "," if decimal == "." else "."
        self._number = re.compile(
            rf"([+-]?)(\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+)(?:{re.escape(decimal)}(\d+))?"
        )
        self._thousands = thousands
        self._wanted = f"no number such as 1{thousands}234{decimal}50 (decimal = {decimal!r} in the mapping)"
        self._dates = dates
        self._zone = zone

    def read(self, field: str, text: str) -> Any:
        """What an event says in ``field`` (dotted where nested): text, unless its name is that of something else."""
        name = field.rpartition(".")[2]
        if name in _AMOUNTS:
            return float(self.amount(text))
        if name in _WHOLE:
            number = float(self.amount(text))
            if not number.is_integer():
                raise ValueError("no whole number")
            return int(number)
        if name in _TIMES:
            return iso(self.instant(text))
        if name in _TRUTHS:
            return self.truth(text)
        return text

    def amount(self, text: str) -> str:
        """A decimal number as JSON writes it. A sign of a currency and blanks around it are passed over.

        >>> from zoneinfo import ZoneInfo
        >>> Values(",", (), ZoneInfo("UTC")).amount("1.234,50 €")
        '1234.50'
        """
        bare = "".join(sign for sign in text if not sign.isspace() and unicodedata.category(sign) != "Sc")
        match = self._number.fullmatch(bare)
        if match is None:
            raise ValueError(self._wanted)
        sign, whole, part = match[1], match[2].replace(self._thousands, ""), match[3]
        return ("-" if sign == "-" else "") + whole + (f".{part}" if part else "")

    def instant(self, text: str) -> int:
        """Epoch ms of a time."""
        for form in (*self._dates, *_PLAIN):
            if form in ("unix", "unix_ms"):
                if re.fullmatch(r"\d{1,13}(\.\d+)?", text):
                    return int(float(text) * (1000 if form == "unix" else 1))
                continue
            try:
                read = datetime.strptime(text, form)
                aware = read if read.tzinfo is not None else read.replace(tzinfo=self._zone)
                # Years at the edge of the calendar have no UTC instant.
                return round(aware.timestamp() * 1000)
            except (ValueError, OverflowError):
                continue
        try:
            return epoch_ms(text)
        except ValueError:
            known = ", ".join((*self._dates, "RFC 3339"))
            raise ValueError(f"no time in a known form ({known}; see dates in the mapping)") from None

    def truth(self, text: str) -> bool:
        word = text.lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise ValueError("neither yes nor no")
