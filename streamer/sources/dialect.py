"""Detect a text file's encoding, line endings and delimiter from its beginning."""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from typing import Final

from charset_normalizer import from_bytes

from streamer.sources.code_pages import page_of

SAMPLE_BYTES: Final = 1 << 18
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_EAST_ASIAN: Final = ("shift_jis", "euc_jp", "big5", "cp949", "gb18030")
_DELIMITERS: Final = (",", ";", "\t", "|", "^", "~")


def encoding_of(head: bytes, declared: str | None = None) -> str:
    """Return the encoding of a text that begins with ``head``. A byte order mark overrides ``declared``.

    >>> encoding_of("Größe;Käufer".encode("cp1252")), encoding_of("a,b".encode("utf-16"))
    ('cp1252', 'utf-16')
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    family = None if declared is None else codecs.lookup(declared).name
    if declared is not None and family not in ("utf-16", "utf-32"):
        return declared
    if family == "utf-32":
        return "utf-32-le"
    return _wide(head) or _narrow(head)


def _wide(head: bytes) -> str | None:
    """Detect UTF-16 without a byte order mark: delimiters, digits and line ends have a zero byte, always on the same side."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < 3 or max(even, odd) < len(head) // 100 or min(even, odd) > max(even, odd) // 20:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _narrow(head: bytes) -> str:
    """Return UTF-8, an East Asian encoding, or the code page whose words fit.

    UTF-8 is returned if none or several fit, so that every row with such bytes is rejected.
    """
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    # The sample may end within a sequence. A few broken bytes among many valid ones are faults of single rows.
    if (broken <= 1 and len(head) >= SAMPLE_BYTES - 4) or broken == 0:
        return "utf-8"
    if sum(sign > "\x7f" for sign in text) - broken >= broken:
        return "utf-8"
    found = from_bytes(head[:65_536], cp_isolation=[*_EAST_ASIAN, "cp1252"]).best()
    if found is not None and found.encoding in _EAST_ASIAN:
        # Any byte pair can be read as Korean; rare syllables indicate another encoding.
        others = _EAST_ASIAN if found.encoding == "cp949" else ()
        pairs: str | None = next((one for one in (found.encoding, *others) if _is_east_asian(head, one)), None)
        if pairs is not None:
            return pairs
    return page_of(head).encoding or "utf-8"


def readings_of(head: bytes) -> tuple[tuple[str, str], ...]:
    """Return candidate code pages with their readings of the same bytes, if the encoding is ambiguous."""
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    if not broken or sum(sign > "\x7f" for sign in text) - broken >= broken or encoding_of(head) != "utf-8":
        return ()
    return page_of(head).readings


def _is_east_asian(head: bytes, encoding: str) -> bool:
    """Return whether most non-ASCII bytes form pairs that are letters in ``encoding``; single-byte text rarely does."""
    text = head.decode(encoding, errors="replace")
    strange = [sign for sign in text if sign > "\x7f"]
    good = sum("\u3000" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" or _is_wide(sign) for sign in strange)
    if encoding == "cp949":
        # Everyday Korean syllables also have a two-byte code in EUC-KR.
        good -= sum("\uac00" <= sign <= "\ud7a3" and len(sign.encode("euc_kr", "ignore")) != 2 for sign in strange)
    return bool(strange) and good >= 0.9 * len(strange) and text.count("\ufffd") <= 0.01 * len(strange)


def _is_wide(sign: str) -> bool:
    """Return whether a character is full-width. Half-width forms are single bytes, like letters of western pages."""
    return "\uff00" < sign < "\uff61" or sign > "\uff9f"


def delimiter_of(lines: list[str], names: frozenset[str] = frozenset()) -> str:
    """Return the delimiter of a file's first lines.

    Parameters
    ----------
    names
        Expected column names (see `folded`): the delimiter that yields the most of them is chosen.

    >>> delimiter_of(["Name;Total", "a;1,5", "b;2,75"])
    ';'
    """

    def worth(delimiter: str) -> tuple[int, int, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return 0, 0, 0
        known = max((sum(folded(cell) in names for cell in row) for row in rows[:40]), default=0)
        widths = [len(row) for row in rows]
        common = max(set(widths), key=widths.count) if widths else 1
        return known, common > 1 and widths.count(common), common

    return max(_DELIMITERS, key=worth)


def folded(name: str) -> str:
    """Return a column name without differences in case, blanks, byte order marks and accent encoding.

    >>> folded(" Order  ID ") == folded("order id")
    True
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", name.replace("\ufeff", "").strip())).casefold()
