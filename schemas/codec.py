"""Decodes the bytes of a record to an event, or to the reason for rejecting it.

`decode` applies the contract. `arrival` is the first step for every record of a lane: ``arrivals.quick`` reads most
records, and `decode` the rest. Only records with headers are checked for CloudEvents, and only unknown types for
Segment's names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final
from unicodedata import normalize

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from schemas import arrivals, cloudevents, events, kindly, segment_spec
from schemas.arrivals import Arrival
from schemas.control import CONTROL_TYPES
from schemas.errors import InvalidEvent
from schemas.events import MODELS, OTHER_TOTALS, Event, types_of
from schemas.ids import is_nobody
from schemas.kindly import Reading
from schemas.own_names import meant
from schemas.records import Headers
from schemas.refusals import describe, unknown_tag

MAX_EVENT_BYTES: Final = 262_144

# The models that this version of the service handles. The others are published, but rejected as unknown for now.
ENABLED_MODELS: Final[tuple[type[Event], ...]] = MODELS
ENABLED_TYPES: Final[frozenset[str]] = frozenset().union(*map(types_of, ENABLED_MODELS))


def _adapter(models: Sequence[type[Event]]) -> TypeAdapter[Event]:
    union: Any = reduce(or_, models)
    return TypeAdapter(Annotated[union, Field(discriminator="type")])


# Call the compiled validator directly, because the adapter's method adds a twentieth to the cost.
_validate: Final[Callable[[bytes], Event]] = _adapter(ENABLED_MODELS).validator.validate_json


def arrival(
    key: bytes | None,
    value: bytes | None,
    headers: Headers = (),
    *,
    max_event_bytes: int = MAX_EVENT_BYTES,
    reading: Reading | None = None,
    noted: list[str] | None = None,
) -> Arrival | Event:
    """Return the same as `decode`, as a fast struct if the type has one."""
    if value is not None and len(value) <= max_event_bytes:
        body = cloudevents.body_of(value, headers) if headers else value
        event = None if body is None else arrivals.quick(body)
        if event is not None and (key is None or key == event.customer_id.encode()):
            return event
    return arrivals.of(decode(key, value, headers, max_event_bytes=max_event_bytes, reading=reading, noted=noted))


def decode(
    key: bytes | None,
    value: bytes | None,
    headers: Headers = (),
    *,
    max_event_bytes: int = MAX_EVENT_BYTES,
    reading: Reading | None = None,
    noted: list[str] | None = None,
) -> Event:
    """Return the event that a record holds. Control records go to ``control.decode_control`` instead.

    Parameters
    ----------
    key
        Must equal the event's ``customer_id`` (``anonymous_id`` of ``identity.linked``); None takes it.
    value
        A JSON body in UTF-8: a bare event, a Segment call (``segment_spec``), or a structured CloudEvent.
    headers
        If they mark the record as a CloudEvent, they take precedence over the body (``cloudevents``).
    max_event_bytes
        Maximum size of ``value``.
    reading
        If given, contract violations are read leniently (``kindly``), and an order without a customer gets an empty
        ``customer_id``. None rejects violations.
    noted
        Collects the fields that lenient reading dropped or defaulted.

    Raises
    ------
    InvalidEvent
        The only exception, for any bytes. Its reasons:

        - ``oversize``: more than ``max_event_bytes``; nothing was parsed.
        - ``not_json``: not JSON in UTF-8, nested too deep, or a number of too many digits.
        - ``unknown_type``: a ``type`` that is neither among `ENABLED_TYPES` nor an alias, or a null value.
        - ``invalid_field``: a field (or ``type``) is missing or invalid, or the body is not an object.
        - ``bad_control``: the type is that of a control record, but the header is missing.
        - ``key_mismatch``: the key names another customer.
    """
    if value is not None and len(value) > max_event_bytes:
        raise InvalidEvent("oversize", f"{len(value)} bytes; the limit is {max_event_bytes}")
    if headers:
        value = cloudevents.body_of(value, headers)
    if value is None:
        raise InvalidEvent("unknown_type", "the record has no value")
    try:
        event = _validate(value)
    except ValidationError as error:
        event = _by_alias(value, error) if reading is None else _kindly(value, error, reading, noted)
    event = _with_its_amount(event, value, reading)
    id = event.partition_id()
    if not id and key and not is_nobody(key.decode("utf-8", "replace")):
        # A record whose key names a customer is not a guest's.
        raise InvalidEvent("invalid_field", "customer_id: Field required; the key does not replace it", "customer_id")
    if key is not None and id and key != id.encode() and not _means(key, id):
        raise InvalidEvent("key_mismatch", "the record key differs from the event's customer_id", "customer_id")
    return event


def _with_its_amount(event: Event, value: bytes, reading: Reading | None) -> Event:
    """Return the event, after reading a refund's amount from another field if its total is missing.

    A refund without any amount covers the whole order. Raises InvalidEvent.
    """
    if event.type != "order.refunded" or event.total is not None or not events.may_have_another_total(value):
        return event
    body = from_json(value)
    if all(body.get(name) is None for name in OTHER_TOTALS):
        return event
    if reading is not None:
        with suppress(ValidationError):
            event, _ = kindly.read(value, reading, _validate)
            return event
    raise InvalidEvent("invalid_field", "total: must be a number; amounts under other names are not read", "total")


def _means(key: bytes, id: str) -> bool:
    """Return whether a key equals an id after Unicode normalization."""
    try:
        return not key.isascii() and normalize("NFC", key.decode()) == id
    except UnicodeDecodeError:
        return False


def _by_alias(value: bytes, error: ValidationError) -> Event:
    """Return the event in a body with Segment's names. Raises the original error for any other body."""
    if unknown_tag(error) not in segment_spec.TAGS:
        raise _refusal(error) from None
    try:
        return _validate(segment_spec.translate(value))
    except ValidationError as second:
        raise _refusal(second) from None


def _kindly(value: bytes, error: ValidationError, reading: Reading, noted: list[str] | None) -> Event:
    """Return the event that a body in breach of the contract most likely means. Raises InvalidEvent."""
    tag = unknown_tag(error)
    if tag in CONTROL_TYPES or describe(error)[0] == "not_json":
        raise _refusal(error, value) from None
    try:
        event, found = kindly.read(value, reading, _validate)
    except ValidationError as second:
        raise _refusal(second, value) from None
    except (ValueError, RecursionError, OverflowError):
        raise _refusal(error, value) from None
    if noted is not None:
        noted += found
    return event


def _refusal(error: ValidationError, value: bytes = b"") -> InvalidEvent:
    if unknown_tag(error) in CONTROL_TYPES:
        return InvalidEvent("bad_control", "a control record needs the header streamer-control", "type")
    reason, message, field = describe(error)
    tag = unknown_tag(error)
    if reason == "unknown_type":
        message += _did_you_mean(tag, value)
    elif field is None:
        message = _first_mistake(value) or message
    return InvalidEvent(reason, message, field)


def _did_you_mean(tag: object, value: bytes) -> str:
    if tag == "batch":
        return "; a batch has many customers: send each call as a record of its own"
    type = meant(tag) if isinstance(tag, str) else None
    if type is None and _is_order(value):
        type = "order.completed"
    return "" if type is None else f"; did you mean {type}?"


def _is_order(value: bytes) -> bool:
    """Return whether a body, or the properties in it, has an order's id and total."""
    body = from_json(value) if value else None
    if not isinstance(body, dict):
        return False
    inner = body.get("properties")
    return kindly.is_order(inner if isinstance(inner, dict) else body)


def _first_mistake(value: bytes) -> str | None:
    """Name a common mistake in bytes that are not JSON."""
    if value[:1] == b"\0" and value[5:6] in (b"{", b"["):
        return "five bytes of a schema registry stand before the JSON; use a plain JSON serializer"
    if value[:2] == b'"{':
        return "the JSON stands in a JSON text: it was encoded twice"
    if value.startswith(b"\xef\xbb\xbf"):
        return "a byte order mark stands before the JSON; write UTF-8 without one"
    return None
