"""Trace context (W3C): the ``traceparent`` of a record, passed on to the records it causes."""

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
    """Return a record's trace: its header, or the CloudEvents extension of that name in either mode.

    None if there is none or its form is not W3C's: an invalid trace is not passed on, but the record is accepted. Costs
    nothing for a record without headers.
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
    """Return whether a value has the W3C form of a ``traceparent``.

    >>> is_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), is_traceparent(b"00-1")
    (True, False)
    """
    return _FORM.fullmatch(value) is not None
