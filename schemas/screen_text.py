"""Escapes foreign text for a screen, a log, a CSV file or a page; applied only to output.

Stored text stays unchanged. In output, no character may control the terminal, forge a line or change the reading
direction. Such characters are shown as escapes; everything else stays, in every script.

- C0 and C1 control characters, including ESC, and DEL;
- U+2028 and U+2029, which some programs treat as line ends;
- direction controls (Unicode property ``Bidi_Control``); the three marks among them, which only set the direction of
  the character beside them, are removed;
- lone surrogates, which no encoding can write.

Joiners stay: Persian needs U+200C and emoji need U+200D.
"""

from __future__ import annotations

import re
from typing import Final

_MARKS: Final = "\u061c\u200e\u200f"
_BEYOND_C0: Final = f"\x7f-\x9f{_MARKS}\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_A_LINE: Final = re.compile(f"[\x00-\x1f{_BEYOND_C0}]")
_IN_A_BLOCK: Final = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_C0}]")
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def line(text: str) -> str:
    r"""Escape a text so that it stays on one line.

    >>> line("\x1b[31mred\n"), line("caf\xe9 \u202eabc"), line("\u05e9\u05dc\u05d5\u05dd\u200f!")
    ('\\u001b[31mred\\n', 'café \\u202eabc', 'שלום!')
    """
    return _IN_A_LINE.sub(_shown, text)


def block(text: str) -> str:
    r"""Escape a text of several lines; line feeds and tabs stay.

    >>> block("one\n\ttwo\r\x07")
    'one\n\ttwo\\r\\u0007'
    """
    return _IN_A_BLOCK.sub(_shown, text)


def json_text(document: str) -> str:
    r"""Return the JSON document with escapes in its strings; it parses to the same value.

    >>> json_text('{"city": "\u202eabc\x9b"}')
    '{"city": "\\u202eabc\\u009b"}'
    """
    return _IN_A_BLOCK.sub(_escaped, document)


def harmless_cell(text: str) -> str:
    """Return a CSV cell that no spreadsheet interprets as a formula; telephone numbers stay unchanged.

    >>> harmless_cell("=1+1"), harmless_cell("-2+3"), harmless_cell("+4930123456"), harmless_cell("")
    ("'=1+1", "'-2+3", '+4930123456', '')
    """
    return (
        f"'{text}"
        if text[:1] in ("=", "@", "\t", "\r") or (text[:1] in ("+", "-") and not text[1:].isalnum())
        else text
    )


def shown_value(found: object) -> object:
    r"""Return a template's value with text escaped to one line. For Jinja's ``finalize``.

    >>> shown_value("Ann\x1b[2J"), shown_value(3)
    ('Ann\\u001b[2J', 3)
    """
    return type(found)(line(found)) if isinstance(found, str) else found


def _shown(found: re.Match[str]) -> str:
    char = found[0]
    return "" if char in _MARKS else _SHORT.get(char) or _escaped(found)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
