"""Convert pydantic's findings for dead letters: the reason and the field, never its content."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

# Below these stand names that the sender chose, which are content; the path ends there.
_OPEN: Final = frozenset({"custom", "body", "statistics", "orders"})

# Pydantic's own texts name types and limits and may be passed on; these are said better in our words.
_WORDS: Final = {
    "string_pattern_mismatch": "has a character, a length or a form that is not allowed",
    "string_unicode": "is not UTF-8",
    "value_error": "must be an RFC 3339 time with an offset, in the years 1 to 9999",
}

# Our own findings about fields that are needed only sometimes: they stand at the event, and mean the field.
_NEEDED: Final = {"total_missing": "total", "rating_missing": "rating"}


def describe(error: ValidationError) -> tuple[str, str, str | None]:
    """The first finding as ``(reason, message, field)``, where the reason is what it means for an event."""
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
    """The paths of all findings, below the event."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [finding["loc"][1:] for finding in found]


def unknown_tag(error: ValidationError) -> str | None:
    """The ``type`` that no model has. It is content: compare it, do not print it."""
    finding = _first(error, context=True)
    return finding["ctx"]["tag"] if finding["type"] == "union_tag_invalid" else None


def _first(error: ValidationError, *, context: bool = False) -> ErrorDetails:
    return error.errors(include_url=False, include_input=False, include_context=context)[0]


def _path(location: tuple[int | str, ...]) -> str | None:
    """The dotted path, down to the first field whose inside is the sender's own."""
    names: list[str] = []
    for part in location:
        names.append(str(part))
        if part in _OPEN:
            break
    return ".".join(names) or None
