"""Converts pydantic's findings for dead letters: the reason and the field, never the content."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

# Fields below which the sender chose the names, which are therefore content; a path ends there.
_OPEN: Final = frozenset({"custom", "body", "statistics", "orders"})

# Replacements for some of pydantic's messages. The others name only types and limits, so they are safe to pass on.
_WORDS: Final = {
    "string_pattern_mismatch": "has a character, a length or a form that is not allowed",
    "string_unicode": "is not UTF-8",
    "value_error": "must be an RFC 3339 time with an offset, in the years 1 to 9999",
}

# Fields that are required only in some cases: our findings are located at the event but mean these fields.
_NEEDED: Final = {"total_missing": "total", "rating_missing": "rating"}


def describe(error: ValidationError) -> tuple[str, str, str | None]:
    """Return the first finding as ``(reason, message, field)``; ``reason`` is that of a dead letter."""
    finding = _first(error)
    kind = finding["type"]
    if kind == "json_invalid":
        return (
            "not_json",
            "the value is not UTF-8 JSON, is too deeply nested, or contains a number that is too long",
            None,
        )
    if kind == "union_tag_not_found":
        return "invalid_field", "type: Field required", "type"
    if kind == "union_tag_invalid":
        return "unknown_type", "type: none of the known ones", "type"
    if not finding["loc"]:
        return "invalid_field", "the value is not a JSON object", None
    field = _NEEDED.get(kind) or _path(finding["loc"][1:])
    text = _WORDS.get(kind, finding["msg"])
    return "invalid_field", f"{field}: {text}" if field else text, field


def locations(error: ValidationError) -> list[tuple[int | str, ...]]:
    """Return the paths of all findings, relative to the event."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [finding["loc"][1:] for finding in found]


def unknown_tag(error: ValidationError) -> str | None:
    """Return the ``type`` that matches no model. It is content: compare it, do not print it."""
    finding = _first(error, context=True)
    return finding["ctx"]["tag"] if finding["type"] == "union_tag_invalid" else None


def _first(error: ValidationError, *, context: bool = False) -> ErrorDetails:
    return error.errors(include_url=False, include_input=False, include_context=context)[0]


def _path(location: tuple[int | str, ...]) -> str | None:
    """Return the dotted path, cut at the first field whose inner names the sender chose."""
    names: list[str] = []
    for part in location:
        names.append(str(part))
        if part in _OPEN:
            break
    return ".".join(names) or None
