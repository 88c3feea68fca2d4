"""The AsyncAPI 3.0 document of the service: its topics, their messages, and the direction of each.

Payloads refer to the JSON Schemas beside it, because AsyncAPI's own schema object does not support their dialect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from schemas import control, documents, topics
from schemas.events import EVENT_TYPES
from schemas.published import MESSAGE_STEPS
from schemas.topics import Topic

FILE: Final = "asyncapi.json"
_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_BINDING: Final = "0.5.0"
_EXAMPLES: Final = Path(__file__).parent / "examples"

_NUMBERS: Final = frozenset({"retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes"})
_DEADLETTER: Final = "deadletter"

_CHANNELS: Final[dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    topics.EVENTS: (
        "events",
        "receive",
        "What customers did. Key: customer_id (anonymous_id of identity.linked); partition: murmur2 of the key.",
        tuple(sorted(EVENT_TYPES)),
    ),
    topics.CHANGES: (
        "changes",
        "send",
        "Who moved from which segment to which, and why. Key: customer_id. Read it with isolation level read_committed.",
        ("segment.changed",),
    ),
    topics.MEMBERSHIPS: (
        "memberships",
        "send",
        "All current segments of a customer; a null value where there are none. Key: customer_id.",
        ("segment.memberships",),
    ),
    topics.DEFINITIONS: (
        "definitions",
        "send",
        "What each segment is. Key: segmentation/segment@version.",
        ("segment.definition",),
    ),
    topics.MODELS: (
        "models",
        "send",
        "Published models, key segmentation@version, and proposals of models, key segmentation/proposal@number.",
        ("segment.model", "segment.proposal"),
    ),
    topics.MESSAGES: (
        "messages",
        "send",
        "The life of each message that a play sends, step by step. Key: customer_id. Read it with read_committed.",
        MESSAGE_STEPS,
    ),
    topics.DEADLETTERS: (
        "deadletters",
        "send",
        "Records that could not be applied: key and value as received, the reason in the headers.",
        (_DEADLETTER,),
    ),
    topics.ALERTS: (
        "alerts",
        "send",
        "What somebody should look at: one record when a condition begins, one when it ends. Key: name/lane.",
        ("alert.raised", "alert.cleared"),
    ),
}
"""Channels by topic: the channel's name, its direction, its description, and its messages."""

_HEADERS: Final = {"segment.changed": documents.CHANGE_HEADERS, _DEADLETTER: documents.DEADLETTER_HEADERS}


def document() -> dict[str, Any]:
    """Return the document as JSON values."""
    known = {topic.name: topic for topic in topics.TOPICS}
    channels, operations = {}, {}
    for address, (name, action, text, types) in _CHANNELS.items():
        # The service writes its control records into its own lanes.
        everything = (*types, *sorted(control.CONTROL_TYPES)) if address == topics.EVENTS else types
        channels[name] = _channel(known[address], text, everything)
        operations[f"{action}.{name}"] = _operation(name, action, types)
    operations["send.control"] = _operation("events", "send", sorted(control.CONTROL_TYPES))
    messages = [type for *_, types in _CHANNELS.values() for type in types]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamer",
            "version": "1.0.0",
            "description": "Customer events in, segment changes out, over Kafka. With STREAMER_TOPIC_PREFIX the "
            "addresses begin with that prefix. Within .v1 nothing is removed or renamed.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": {type: _message(type) for type in (*messages, *sorted(control.CONTROL_TYPES))}},
    }


def _channel(topic: Topic, text: str, types: Iterable[str]) -> dict[str, Any]:
    config: dict[str, Any] = {
        name: int(value) if name in _NUMBERS else value
        for name, value in topic.config.items()
        if name in _NUMBERS or name == "message.timestamp.type"
    }
    config["cleanup.policy"] = topic.config["cleanup.policy"].split(",")
    binding = {
        "topic": topic.name,
        "partitions": topic.partitions(topics.DEFAULT_LANES),
        "topicConfiguration": dict(sorted(config.items())),
        "bindingVersion": _BINDING,
    }
    return {
        "address": topic.name,
        "description": text,
        "messages": {type: {"$ref": f"#/components/messages/{type}"} for type in types},
        "bindings": {"kafka": binding},
    }


def _operation(channel: str, action: str, types: Iterable[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{type}"} for type in types],
    }


def _message(type: str) -> dict[str, Any]:
    if type in control.CONTROL_TYPES:
        headers, folder = documents.CONTROL_HEADERS, "control"
    else:
        headers = _HEADERS.get(type, documents.EVENT_HEADERS if type in EVENT_TYPES else "")
        folder = "events" if type in EVENT_TYPES else "outgoing"
    message: dict[str, Any] = {
        "name": type,
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _BINDING}},
    }
    if headers:
        message["headers"] = _schema(headers)
    if type == _DEADLETTER:
        message["contentType"] = "application/octet-stream"
        return message
    message["payload"] = _schema(type)
    message["examples"] = [{"payload": json.loads((_EXAMPLES / folder / f"{type}.json").read_text(encoding="utf-8"))}]
    return message


def _schema(name: str) -> dict[str, Any]:
    return {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{documents.file_name(name)}"}}
