"""Trace context (W3C): the ``traceparent`` of a record, carried on to what the record causes."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from schemas.cloudevents import envelope, is_structured
from schemas.errors import InvalidEvent
from schemas.records import LogRecord

TRACE_HEADER: Final = "traceparent"
_NAMES: Final = (TRACE_HEADER, "ce_traceparent")
_FORM: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]{0,100})?")


def traceparent(record: LogRecord) -> bytes | None:
    """The trace that a record belongs to: its header, or the CloudEvents extension of that name in either mode.

    None where there is none, or where it has not the form that W3C gives it: a broken trace is no reason to refuse a
    record, and is not passed on. Costs nothing where a record has no headers.
    """
    headers = record.headers
    if not headers:
        return None
    for name, value in headers:
        if name in _NAMES and value is not None and is_traceparent(value):
            return value
    if record.value is not None and is_structured(headers):
        try:
            text = msgspec.json.decode(bytes(envelope(record.value).traceparent), type=str)
        except (InvalidEvent, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        found = text.encode("utf-8", "replace")
        return found if is_traceparent(found) else None
    return None


def is_traceparent(value: bytes) -> bool:
    """Whether this has the form that W3C gives a ``traceparent``.

    >>> is_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), is_traceparent(b"00-1")
    (True, False)
    """
    return _FORM.fullmatch(value) is not None
