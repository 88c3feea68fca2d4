"""Split a request body into event bodies, without validating the events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from models.messages.count import Count
from schemas import cloudevents, segment_spec
from schemas.collector import MAX_EVENTS
from schemas.errors import InvalidEvent
from schemas.records import Headers
from schemas.wire_time import epoch_ms, iso
from streamer.web.api.problems import ProblemError

_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode
_STRUCTURED: Final = (("content-type", b"application/cloudevents+json"),)

KINDS: Final[Mapping[str, str]] = {
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
    "b": "batch",
}
"""Segment's short paths, and the calls that they mean."""


class Body(NamedTuple):
    """The body of one event. ``error`` is the reason if there is none; ``event_id`` is the sender's id."""

    value: bytes
    error: InvalidEvent | None = None
    event_id: str | None = None


def parsed(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object. Raises ProblemError."""
    try:
        return _object(body)
    except msgspec.ValidationError:
        raise ProblemError(400, "the body is not a JSON object", "send one JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None


def _not_json() -> ProblemError:
    return ProblemError(400, "the body is not valid UTF-8 JSON, or is too deeply nested", "send UTF-8 JSON")


# -- our own form, and CloudEvents ----------------------------------------------------------------------------------


def events_of(body: bytes, headers: Mapping[str, str]) -> list[Body]:
    """Return the events of a body: one object, a list of them, or a CloudEvent in any mode. Raises ProblemError."""
    binary: Headers = [
        (f"ce_{name[3:]}", value.encode("latin-1", "replace")) for name, value in headers.items() if name[:3] == "ce-"
    ]
    if binary and "ce-specversion" in headers:
        return [_bare(body, binary)]
    return [_unwrapped(bytes(raw)) for raw in _list(body)]


def _list(body: bytes) -> Sequence[msgspec.Raw | bytes]:
    text = body.strip()
    if not text.startswith(b"["):
        parsed(text)
        return [text]
    try:
        found = _raws(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None
    if len(found) > MAX_EVENTS:
        raise ProblemError(
            400, f"the request has {Count(len(found)):|event}", f"send at most {MAX_EVENTS:,} per request"
        )
    return found


def _unwrapped(value: bytes) -> Body:
    return _bare(value, _STRUCTURED) if b'"specversion"' in value and _is_cloudevent(value) else Body(value)


def _is_cloudevent(value: bytes) -> bool:
    try:
        return isinstance(_object(value).get("specversion"), str)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _bare(value: bytes, headers: Headers) -> Body:
    try:
        return Body(cloudevents.body_of(value, headers) or b"null")
    except InvalidEvent as error:
        return Body(value, error)


# -- Segment's calls ------------------------------------------------------------------------------------------------


def calls_of(body: Mapping[str, Any], kind: str, received_ms: int) -> list[Body]:
    """Return the events of a call, or of the calls in a batch.

    Parameters
    ----------
    body
        The body from a Segment library.
    kind
        ``track``, ``identify``, ``page``, ``screen``, ``group``, ``alias`` or ``batch``.
    received_ms
        Time for a call without one, as in Segment (epoch ms).

    Raises
    ------
    ProblemError
        A batch without a list.
    """
    if kind != "batch":
        return [_call({**body, "type": kind}, received_ms)]
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise ProblemError(400, 'the field "batch" is missing', 'send {"batch": [...]}')
    if len(batch) > MAX_EVENTS:
        raise ProblemError(400, f"the batch has {Count(len(batch)):|call}", f"send at most {MAX_EVENTS:,} per request")
    shared = {name: body[name] for name in ("context", "sentAt") if body.get(name) is not None}
    return [
        _call({**shared, **one}, received_ms)
        if isinstance(one, dict)
        else Body(b"", InvalidEvent("invalid_field", "the call is not a JSON object"))
        for one in batch
    ]


def _call(call: dict[str, Any], received_ms: int) -> Body:
    id = call.get("messageId") or call.get("message_id")
    event_id = id if isinstance(id, str) else None
    if call.get("type") == "group":
        return Body(b"", InvalidEvent("unknown_type", "groups are not supported: segments contain customers"), event_id)
    if call.get("timestamp") is None and call.get("originalTimestamp") is None and call.get("occurred_at") is None:
        call = {**call, "timestamp": call.get("sentAt") or iso(received_ms)}
    call.pop("writeKey", None)
    if call.get("type") not in segment_spec.TAGS:
        return Body(b"", InvalidEvent("unknown_type", "the call type is not part of the Segment API"), event_id)
    try:
        return Body(json.dumps(segment_spec.as_event(call)).encode(), None, event_id)
    except (ValueError, RecursionError) as error:
        return Body(b"", InvalidEvent("invalid_field", f"the call cannot be read: {error}"), event_id)


def sent_ms(call: Mapping[str, Any]) -> int | None:
    """Return when a request was sent, by the device's clock (ms); None if unknown."""
    text = call.get("sentAt") or call.get("sent_at")
    try:
        return epoch_ms(text) if isinstance(text, str) else None
    except ValueError:
        return None


def ids_of(bodies: Sequence[Body]) -> Iterator[str | None]:
    """Yield the senders' event ids, if readable."""
    for one in bodies:
        if one.event_id is not None or not one.value:
            yield one.event_id
            continue
        try:
            found = _object(one.value).get("event_id")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = None
        yield found if isinstance(found, str) else None
