"""Translate contract violations of events to catalogue messages, because pydantic reports them in English only."""

from __future__ import annotations

import re
from typing import Final

from models.messages.translatable import translatable
from schemas.errors import InvalidEvent

_KINDS: Final = {
    "string": "fault text",
    "number": "fault number",
    "integer": "fault whole",
    "boolean": "fault truth",
}
_FORMS: Final = (
    (r"Field required", "fault required"),
    (r"has a character, a length or a form that is not allowed", "fault form"),
    ("must not contain control, line-break or text-direction characters", "fault control"),
    ("must not be empty, or begin or end with a space", "fault blank"),
    (r"not a time zone", "file no zone"),
    (r"longer than (?P<border>\d+) characters.*", "fault long"),
    (r"must be an RFC 3339 time .*", "fault time"),
    (r"Input should be greater than or equal to (?P<border>\S+)", "fault at least"),
    (r"Input should be greater than (?P<border>\S+)", "fault above"),
    (r"Input should be less than or equal to (?P<border>\S+)", "fault at most"),
    (r"Input should be less than (?P<border>\S+)", "fault below"),
    (r"Input should be a finite number", "fault number"),
    (r"String should have at least (?P<border>\d+) characters?", "fault short"),
    (r"String should have at most (?P<border>\d+) characters?", "fault long"),
    (r"(?:List|Dictionary|Tuple) should have at most (?P<border>\d+) items? .*", "fault many"),
    (r"Input should be (?P<border>'.*')", "fault among"),
)


def contract_fault(error: InvalidEvent) -> str:
    """Return the catalogue message for an invalid event, or the English one if the catalogue has none."""
    bare = error.message.removeprefix(f"{error.field}: ") if error.field else error.message
    return translatable("file contract", field=error.field or "", fault=_fault(bare)) if error.field else _fault(bare)


def _fault(text: str) -> str:
    kind = re.fullmatch(r"Input should be a valid (\w+).*", text)
    if kind is not None and kind[1] in _KINDS:
        return translatable(_KINDS[kind[1]])
    for form, key in _FORMS:
        if (match := re.fullmatch(form, text)) is not None:
            return translatable(key, **match.groupdict())
    return text
