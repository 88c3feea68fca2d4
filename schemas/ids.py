"""Customer ids: valid texts, normalization, and placeholders for no customer."""

from __future__ import annotations

import unicodedata
from re import compile as pattern
from typing import Final

MAX_CHARS: Final = 128
MAX_BYTES: Final = 512

NOBODY: Final = frozenset(
    (
        *(
            "",
            "null",
            "none",
            "nil",
            "undefined",
            "nan",
            "anonymous",
            "anon",
            "guest",
            "unknown",
            "unidentified",
            "user",
        ),
        *("customer", "visitor", "test", "true", "false", "0", "-1", "-", "n.a", "n/a", "na", "#n/a", "\\n", "(none)"),
        *("(not set)", "id", "user_id", "userid", "customer_id", "anonymous_id", "[object object]"),
        "00000000-0000-0000-0000-000000000000",
    )
)
"""Placeholders for no customer, in lower case: a customer with such an id would combine many people."""

JSON_PATTERN: Final = (
    r"^(?![\s\u200e\u200f])(?!.*\s$)[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
    r"{1,128}$"
)
"""The pattern for JSON Schema, which lacks Unicode classes and is therefore slightly wider than `customer_id`."""

_PLAIN: Final = pattern(r"[!-~]+").fullmatch
_JOINERS: Final = pattern("[\u200c\u200d\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def customer_id(text: str) -> str:
    """Return the normalized form (NFC) of an id.

    Letters, marks, digits, punctuation, symbols and inner blanks of every script, and the joiners (U+200C, U+200D) that
    some scripts need; no control, line or direction characters, no blank at either end, at most 128 characters and
    512 bytes of UTF-8.

    Raises
    ------
    ValueError
        The text is not a valid id.
    """
    if _PLAIN(text):
        if len(text) <= MAX_CHARS:
            return text
        raise ValueError("longer than 128 characters")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text or text != text.strip():
        raise ValueError("must not be empty, or begin or end with a space")
    if len(text) > MAX_CHARS or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError("longer than 128 characters or 512 bytes")
    if not (text.isprintable() or _JOINERS.sub("", text).isprintable()):
        raise ValueError("must not contain control, line-break or text-direction characters")
    return text


def nobody_of(text: str) -> frozenset[str]:
    """Return the ids of a comma-separated list, in lower case; ``...`` expands to `NOBODY`.

    >>> sorted(nobody_of("Till, kasse")), NOBODY < nobody_of("...,till")
    (['kasse', 'till'], True)
    """
    words = {word.strip().casefold() for word in text.split(",")} - {""}
    return frozenset(words - {"..."}) | (NOBODY if "..." in words else frozenset())


def is_nobody(id: str, nobody: frozenset[str] = NOBODY) -> bool:
    """Return whether an id is a placeholder for no customer."""
    return id.casefold() in nobody
