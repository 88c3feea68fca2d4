"""Parse amounts as people and programs write them: signs, currencies, thousands separators, digits of other scripts.

A text is read correctly or rejected. Whether a text such as ``1.234`` is more than a thousand or little more than one
is decided by the other numbers of the file; see ``habits``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from models.messages.translatable import translatable
from schemas.money import EXPONENTS

_BLANKS: Final = "\u0020\u00a0\u2007\u2009\u202f"
_MINUS: Final = str.maketrans(dict.fromkeys("‐‑‒–—−﹣－", "-"))
_NO_CENTS: Final = re.compile(r"(?<=\d)(?:[.,]-{1,2}|/-)(?=\D*$)", re.ASCII)
"""``12,-``, ``12.--`` and, in India, ``12/-`` denote an amount without cents."""
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u066b": ".", "\u066c": "'"})
_SIMPLE: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_AMBIGUOUS: Final = re.compile(r"[1-9]\d{0,2}([.,])\d{3}", re.ASCII)

_CODES: Final = frozenset(
    re.findall(
        "...",
        "AEDARSAUDAZNBGNBRLCADCHFCLPCNYCOPCZKDKKEGPEURGBPGELHKDHUFIDRILSINRISKJPYKRWKWDKZTMADMXNMYRNGNNOKNZDPENPHPPKRPLN"
        "QARRMBRONRSDRUBSARSEKSGDTHBTRYTWDUAHUSDUYUVNDZAR",
    )
)
_SAME: Final = {
    "RMB": "CNY",
    "US$": "USD",
    "R$": "BRL",
    "€": "EUR",
    "£": "GBP",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "NT$": "TWD",
    "MX$": "MXN",
    "元": "CNY",
    "元整": "CNY",
    "人民币": "CNY",
    "圆": "CNY",
    "円": "JPY",
    "원": "KRW",
    "₹": "INR",
    "SFR": "CHF",
    "LEI": "RON",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₪": "ILS",
    "₦": "NGN",
    "₱": "PHP",
    "฿": "THB",
    "₩": "KRW",
    "₫": "VND",
    "ГРН": "UAH",
    "บาท": "THB",
    "Đ": "VND",
    "VNĐ": "VND",
    "₸": "KZT",
    "₼": "AZN",
    "₾": "GEL",
}
_OPEN: Final = frozenset(("KR", "RS", "FR", "RM", "TL", "RP", "KN", "DIN", "EURO", "ЛВ", "РУБ", "Р", "ДЕН"))
"""Money words that several currencies share, or that name no currency."""


_SHARED: Final[Mapping[str, frozenset[str]]] = {
    "$": frozenset(("USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU")),
    "¥": frozenset(("CNY", "JPY")),
    "EURO": frozenset(("EUR",)),
    "KR": frozenset(("SEK", "NOK", "DKK", "ISK")),
    "FR": frozenset(("CHF", "XAF", "XOF", "XPF", "CDF", "GNF", "RWF", "BIF", "DJF", "KMF")),
    "RS": frozenset(("INR", "PKR", "LKR", "NPR", "MUR", "SCR")),
    "RM": frozenset(("MYR",)),
    "TL": frozenset(("TRY",)),
    "RP": frozenset(("IDR",)),
    "KN": frozenset(("HRK",)),
    "DIN": frozenset(("RSD", "DZD", "TND", "BHD", "IQD", "JOD", "KWD", "LYD")),
    "ЛВ": frozenset(("BGN",)),
    "РУБ": frozenset(("RUB", "BYN")),
    "Р": frozenset(("RUB", "BYN")),
    "ДЕН": frozenset(("MKD",)),
}
"""Possible meanings of a word of `_OPEN`, or of a sign, next to a deciding code: ``$7 USD``."""


class Amount(NamedTuple):
    """A number in JSON notation, and the currencies that the adjacent word or sign can mean; empty for none."""

    text: str
    meanings: frozenset[str] = frozenset()

    @property
    def currency(self) -> str | None:
        """The adjacent currency, if unambiguous."""
        return next(iter(self.meanings)) if len(self.meanings) == 1 else None


def amount(text: str, decimal: str | None = ".") -> Amount:
    """Parse a number from text.

    Parameters
    ----------
    decimal
        The decimal sign of the file, ``.`` or ``,``; None if unknown: a text with two possible readings is then
        rejected.

    Raises
    ------
    ValueError
        The text is not a number or is ambiguous. The message does not repeat the text.

    >>> amount("1.234,50 €", ",")
    Amount(text='1234.50', meanings=frozenset({'EUR'}))
    >>> amount("(12.00)").text, amount("12.00-").text, amount("'-5").text, amount("1'234.50").text
    ('-12.00', '-12.00', '-5', '1234.50')
    """
    if decimal != "," and _SIMPLE.fullmatch(text) and (decimal is not None or not _AMBIGUOUS.fullmatch(text)):
        return Amount(text)
    meanings, bare = _without_currency(plain(text))
    sign, bare = _without_sign(bare)
    return Amount(sign + _digits(bare, decimal or _shown(bare)), meanings)


def whole_money(text: str, currencies: Collection[str]) -> str | None:
    """Return the decimal sign of a file in which ``1,234`` is money without decimals; None if it shows none.

    Parameters
    ----------
    currencies
        Currencies that an amount without a currency sign may have.

    >>> whole_money("1,234円", ["EUR"]), whole_money("1,234", ["JPY"]), whole_money("¥1,234", ["CNY"])
    ('.', '.', None)
    """
    try:
        meanings, bare = _without_currency(plain(text))
    except ValueError:
        return None
    match = _AMBIGUOUS.fullmatch(_without_sign(bare)[1])
    meant = meanings & set(currencies) or meanings or set(currencies)
    if match is None or not meant or any(EXPONENTS.get(one, 2) for one in meant):
        return None
    return "," if match[1] == "." else "."


def _shown(bare: str) -> str:
    """Return the decimal sign of a single number. Raises ValueError if it could be either."""
    if _AMBIGUOUS.fullmatch(bare):
        raise ValueError(translatable("file two readings"))
    return shows(bare) or "."


def _digits(bare: str, decimal: str) -> str:
    """Return a number without sign and currency, in JSON notation. Raises ValueError."""
    match = _pattern(decimal).fullmatch(bare)
    if match is None or not (match[1] or match[3]):
        thousands = "," if decimal == "." else "."
        raise ValueError(translatable("file no number", example=f"1{thousands}234{decimal}50", decimal=decimal))
    whole = re.sub(r"\D", "", match[1] or "0")
    part = match[3] or ""
    if match[4]:
        whole, part = _shifted(whole, part, int(match[4]))
    return whole + (f".{part}" if part else "")


def shows(text: str) -> str | None:
    """Return the decimal sign that a text proves, ``.`` or ``,``; None if it could be either or has none.

    >>> shows("12.50"), shows("1.234,5"), shows("1.234"), shows("12")
    ('.', ',', None, None)
    """
    if "." not in text and "," not in text:
        return None
    bare = _without_sign(_without_currency(plain(text))[1])[1]
    if _AMBIGUOUS.fullmatch(bare):
        return None
    fits = [sign for sign in ".," if (found := _pattern(sign).fullmatch(bare)) and (found[1] or found[3])]
    return fits[0] if len(fits) == 1 else None


def plain(text: str) -> str:
    """Return the text with ASCII digits, signs and blanks, without a leading quote from a spreadsheet.

    Raises ValueError for superscript digits or fractions.
    """
    if not text.isascii():
        # Converted to plain digits, 10² would become 102.
        if any(unicodedata.category(sign) == "No" for sign in text):
            raise ValueError(translatable("file letters"))
        text = unicodedata.normalize("NFKC", text.translate(_MINUS)).translate(_MINUS).translate(_APOSTROPHES)
        text = "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in text)
        for blank in _BLANKS:
            text = text.replace(blank, " ")
    text = text.strip()
    text = _NO_CENTS.sub("", text)
    if text.startswith("'") and not text.endswith("'"):
        text = text[1:]
    return text


@lru_cache(maxsize=4)
def _pattern(decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number; its groups are whole part, separator, fraction and exponent."""
    point, comma = re.escape(decimal), "," if decimal == "." else r"\."
    grouped = rf"[1-9]\d{{0,2}}(?:([{comma}' ])\d{{3}})(?:\2\d{{3}})*|[1-9]\d?(?:{comma}\d{{2}})+{comma}\d{{3}}"
    return re.compile(rf"({grouped}|\d+)?(?:{point}(\d*))?(?:[eE]([+-]?\d{{1,2}}))?", re.ASCII)


def _without_currency(text: str) -> tuple[frozenset[str], str]:
    match = re.fullmatch(r"([^\d.,+\-()']*)(\.(?=\s))?(.*?)(\s*)([^\d.,+\-()'\s][^\d.,+\-()']*\.?)?", text, re.DOTALL)
    if match is None:
        return frozenset(), text
    front, rest, behind = match[1].strip(), match[3].strip(), (match[5] or "").strip()
    if not front and not behind:
        # A sign may precede the currency: -$12.00, ($12.00).
        if (inside := re.fullmatch(r"([-+(]\s*)([^\d.,+\-()'\s]+)\s*(.*)", text, re.DOTALL)) is None:
            return frozenset(), text
        return _agreed([inside[2]]), inside[1] + inside[3]
    return _agreed([*front.split(), *behind.split()]), rest


def _agreed(words: Sequence[str]) -> frozenset[str]:
    """Return the currencies that all adjacent words can mean. Raises ValueError if two currencies are named."""
    codes = {code for word in words if (code := _currency(word)) is not None}
    open_words = [name for word in words if _currency(word) is None and (name := word.strip(" .").upper())]
    if len(codes) > 1 or (not codes and len(set(open_words)) > 1):
        raise ValueError(translatable("file two currencies"))
    for code in codes:
        if any(code not in _SHARED.get(name, (code,)) for name in open_words):
            raise ValueError(translatable("file two currencies"))
        return frozenset((code,))
    return _SHARED.get(open_words[0], frozenset()) if open_words else frozenset()


def currency_named(word: str) -> str | None:
    """Return the currency of a word such as ``€``, ``euro`` or ``CHF``; None if it names none or several.

    >>> currency_named("Euro"), currency_named("zł"), currency_named("$")
    ('EUR', 'PLN', None)
    """
    try:
        found = _currency(word)
    except ValueError:
        return None
    meant = _SHARED.get(word.strip(" .").upper(), frozenset())
    return found or (next(iter(meant)) if len(meant) == 1 else None)


def _currency(word: str) -> str | None:
    """Return the currency that a word names, or None for a shared one such as ``$``. Raises ValueError for other words."""
    name = word.strip(" .").upper()
    name = _SAME.get(name, name)
    if name in _CODES:
        return name
    if name in _OPEN or all(unicodedata.category(sign) == "Sc" for sign in name):
        return None
    raise ValueError(translatable("file letters"))


def _without_sign(text: str) -> tuple[str, str]:
    if text.startswith("(") and text.endswith(")") and text[1:2] not in ("-", "+", "("):
        return "-", text[1:-1].strip()
    if text.endswith("-") and not text.startswith(("-", "+")):
        return "-", text[:-1].strip()
    if text.startswith(("-", "+")):
        return text[0].replace("+", ""), text[1:].strip()
    return "", text


def _shifted(whole: str, part: str, exponent: int) -> tuple[str, str]:
    """Expand a number's exponent and return its digits."""
    digits, point = whole + part, len(whole) + exponent
    if point <= 0:
        return "0", "0" * -point + digits
    digits = digits.ljust(point, "0")
    return digits[:point].lstrip("0") or "0", digits[point:]
