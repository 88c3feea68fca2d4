"""CloudEvents 1.0 over Kafka, in both modes of its binding, converted to the equivalent bare JSON body.

Binary mode has attributes in ``ce_*`` headers beside a bare body; structured mode has attributes and ``data`` in one
JSON object, under ``content-type: application/cloudevents+json``. An attribute takes precedence over the same field of
the body: it is written after the body's own fields, because the last of two equal JSON keys counts. So nothing is
parsed twice, and an invalid JSON object stays invalid.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.errors import InvalidEvent
from schemas.records import Headers

FIELDS: Final[Mapping[str, str]] = {
    "id": "event_id",
    "type": "type",
    "time": "occurred_at",
    "subject": "customer_id",
}
"""CloudEvents attributes and the fields they map to; other attributes are ignored."""

_HEADERS: Final = {f"ce_{attribute}": field for attribute, field in FIELDS.items()}
_CONTENT_TYPE: Final = ("content-type", "Content-Type")
_LOOKED_AT: Final[frozenset[str]] = frozenset((*_HEADERS, *_CONTENT_TYPE))
_SPACE: Final = b" \t\r\n"


class Envelope(msgspec.Struct):
    """The fields of a structured event that we read; each value is raw JSON, null if absent."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    type: msgspec.Raw = msgspec.Raw(b"null")
    time: msgspec.Raw = msgspec.Raw(b"null")
    subject: msgspec.Raw = msgspec.Raw(b"null")
    traceparent: msgspec.Raw = msgspec.Raw(b"null")
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: msgspec.Raw = msgspec.Raw(b"null")


_envelope: Final = msgspec.json.Decoder(Envelope).decode


def is_structured(headers: Headers) -> bool:
    """Return whether the headers mark the value as a structured CloudEvent."""
    return any(name in _CONTENT_TYPE and _is_cloudevents(text) for name, text in headers)


def body_of(value: bytes | None, headers: Headers) -> bytes | None:
    """Return a record's bare body: ``value`` itself unless its headers mark it as a CloudEvent.

    Parameters
    ----------
    value
        None or empty for a binary event without data, which consists of its attributes only.
    headers
        If an attribute occurs twice, the last one counts. A header's value may be null, although its type excludes
        that.

    Raises
    ------
    InvalidEvent
        ``invalid_field`` or ``not_json``: a header is not UTF-8, or the structured value or its data is not a JSON
        object. The codec validates the fields, as for any bare body.
    """
    for name, _ in headers:
        if name in _LOOKED_AT:
            return _unwrapped(value, headers)
    return value


def _unwrapped(value: bytes | None, headers: Headers) -> bytes | None:
    if is_structured(headers):
        return _opened(value)
    attributes = {
        _HEADERS[name]: _quoted(name, text) for name, text in headers if name in _HEADERS and text is not None
    }
    return _extended(value or b"{}", attributes) if attributes else value


def envelope(value: bytes) -> Envelope:
    """Parse a structured value. Raises InvalidEvent."""
    try:
        return _envelope(value)
    except msgspec.ValidationError:
        raise InvalidEvent("invalid_field", "the value is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidEvent(
            "not_json", "the value is not UTF-8 JSON, is too deeply nested, or contains a number that is too long"
        ) from None


def _is_cloudevents(content_type: bytes | None) -> bool:
    return content_type is not None and content_type.strip().lower().startswith(b"application/cloudevents")


def _quoted(name: str, text: bytes) -> bytes:
    try:
        return json.dumps(text.decode()).encode()
    except UnicodeDecodeError:
        raise InvalidEvent("invalid_field", f"header {name} is not valid UTF-8", _HEADERS[name]) from None


def _opened(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    outer = envelope(value)
    attributes = {
        field: bytes(raw)
        for attribute, field in FIELDS.items()
        if bytes(raw := getattr(outer, attribute)).strip() != b"null"
    }
    data = bytes(outer.data).strip(_SPACE)
    if data == b"null":
        data = _unpacked(bytes(outer.data_base64))
    if not data.startswith(b"{"):
        raise InvalidEvent("invalid_field", "data: must be a JSON object", "data")
    return _extended(data, attributes)


def _unpacked(raw: bytes) -> bytes:
    try:
        text = msgspec.json.decode(raw, type=str | None)
        return b"{}" if text is None else b64decode(text, validate=True).strip(_SPACE)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise InvalidEvent("invalid_field", "data_base64: must be base64", "data_base64") from None


def _extended(body: bytes, fields: Mapping[str, bytes]) -> bytes:
    """Return the JSON object ``body`` with ``fields`` (values in JSON) appended; other bytes are returned unchanged."""
    text = body.strip(_SPACE)
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return body
    own = text[1:-1].strip(_SPACE)
    more = [b'"%s":%s' % (name.encode(), value) for name, value in fields.items()]
    return b"{" + b",".join([own, *more] if own else more) + b"}"
