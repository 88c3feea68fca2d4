"""Encode the same event as a bare body, as a CloudEvent in both modes, and as a Segment call."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.cloudevents import FIELDS
from schemas.segment_spec import ALIASES

Sent = tuple[bytes, list[tuple[str, bytes]]]
"""A value and the headers that belong to it."""

_OTHERWISE: Final = ("page.viewed", "order.cancelled", "identity.linked")
SEGMENT_NAMES: Final = {type: name for name, type in ALIASES.items() if type not in _OTHERWISE}
"""Segment's names of types whose calls contain everything in our body."""


def bare(body: Mapping[str, Any]) -> Sent:
    return json.dumps(body).encode(), []


def binary(body: Mapping[str, Any], *, contradict: bool = False) -> Sent:
    """Put the attributes in headers. The body has none of them, or different ones with ``contradict``."""
    headers = [(f"ce_{attribute}", str(body[field]).encode()) for attribute, field in FIELDS.items() if field in body]
    rest = {name: value for name, value in body.items() if name not in FIELDS.values()}
    if contradict:
        rest |= {"type": "order.imagined", "customer_id": "somebody-else", "event_id": 5, "occurred_at": "yesterday"}
    return json.dumps(rest).encode(), [("ce_specversion", b"1.0"), ("ce_source", b"/shop"), *headers]


def contradicted(body: Mapping[str, Any]) -> Sent:
    return binary(body, contradict=True)


def structured(body: Mapping[str, Any], *, base64_data: bool = False) -> Sent:
    """Put attributes and ``data`` in one object."""
    attributes = {attribute: body[field] for attribute, field in FIELDS.items() if field in body}
    rest = {name: value for name, value in body.items() if name not in FIELDS.values()}
    data: dict[str, Any] = {"data": rest}
    if base64_data:
        data = {"data_base64": base64.b64encode(json.dumps(rest).encode()).decode()}
    value = {"specversion": "1.0", "source": "/shop", **attributes, **data}
    return json.dumps(value).encode(), [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def packed(body: Mapping[str, Any]) -> Sent:
    return structured(body, base64_data=True)


def segment(body: Mapping[str, Any]) -> Sent:
    """Return a ``track`` or ``alias`` call, or a bare body if Segment has no name for it."""
    if body["type"] == "identity.linked":
        call = {
            "type": "alias",
            "messageId": body["event_id"],
            "previousId": body["anonymous_id"],
            "userId": body["customer_id"],
            "timestamp": body["occurred_at"],
        }
        return json.dumps(call).encode(), []
    if body["type"] not in SEGMENT_NAMES:
        return bare(body)
    call = {
        "type": "track",
        "event": SEGMENT_NAMES[body["type"]],
        "messageId": body["event_id"],
        "userId": body["customer_id"],
        "anonymousId": "0f1e",
        "timestamp": body["occurred_at"],
        "context": {"device": {"type": "mobile"}, "library": {"name": "analytics.js"}},
        "integrations": {"All": True},
        "properties": {
            name: value
            for name, value in body.items()
            if name not in ("event_id", "type", "customer_id", "occurred_at", "context")
        },
    }
    return json.dumps(call).encode(), []


WAYS: Final[Mapping[str, Callable[[Mapping[str, Any]], Sent]]] = {
    way.__name__: way for way in (bare, binary, contradicted, structured, packed, segment)
}
