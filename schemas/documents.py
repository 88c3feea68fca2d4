"""Contracts for other programs: a JSON Schema (2020-12) of each record, generated from the models that validate it.

``streamer schemas export`` writes them, and ``schemas/generated`` holds a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from schemas import control, deadletters, published, signing
from schemas.alerts import Alert
from schemas.changes import Cause
from schemas.events import MODELS, types_of

Document = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
OUTGOING: Final[Mapping[str, type[BaseModel]]] = {
    "segment.changed": published.SegmentChanged,
    "segment.memberships": published.CustomerMemberships,
    "segment.definition": published.SegmentDefinition,
    "segment.model": published.SegmentModel,
    "segment.proposal": published.ModelProposal,
    **dict.fromkeys(published.MESSAGE_STEPS, published.MessageStep),
    "alert.raised": Alert,
    "alert.cleared": Alert,
}
EVENT_HEADERS: Final = "event.headers"
CHANGE_HEADERS: Final = "segment.changed.headers"
CONTROL_HEADERS: Final = "control.headers"
DEADLETTER_HEADERS: Final = "deadletter.headers"

_TRACE: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    "description": "W3C trace context: of an event, carried on to the changes and dead letters that it causes.",
}


def file_name(name: str) -> str:
    """Return the file name of a schema."""
    return f"{name}.schema.json"


def schemas() -> dict[str, Document]:
    """Return all JSON Schemas by name: event types, published records, control records, and the headers of each."""
    found: dict[str, Document] = {}
    for event in MODELS:
        for type in types_of(event):
            found[type] = _of_model(event, type)
    for name, outgoing in OUTGOING.items():
        found[name] = _of_model(outgoing, name, mode="serialization")
    for written in control.CONTROL_MODELS:
        name = str(written.model_fields["type"].default)
        found[name] = _of_model(written, name)
    found |= {
        EVENT_HEADERS: _headers("Headers of an event, all of them optional.", _event_headers(), ()),
        CHANGE_HEADERS: _change_headers(),
        CONTROL_HEADERS: _control_headers(),
        DEADLETTER_HEADERS: _deadletter_headers(),
    }
    return {name: {"$schema": DIALECT, **found[name], "title": name} for name in sorted(found)}


def _of_model(model: type[BaseModel], type: str, mode: Any = "validation") -> Document:
    schema = model.model_json_schema(by_alias=True, mode=mode)
    schema["properties"]["type"] = {"const": type, "title": "Type", "type": "string"}
    if "type" not in schema["required"]:
        schema["required"] = ["type", *schema["required"]]
    return schema


# -- headers: names and texts on a Kafka record -------------------------------------------------------------------


def _headers(description: str, properties: Mapping[str, Document], required: tuple[str, ...]) -> Document:
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": list(required),
    }


def _text(description: str, **more: Any) -> Document:
    return {"type": "string", "description": description, **more}


def _event_headers() -> dict[str, Document]:
    return {
        "content-type": _text("application/cloudevents+json for a structured CloudEvent."),
        "ce_specversion": _text("CloudEvents in binary mode.", const="1.0"),
        "ce_id": _text("Wins over event_id of the body."),
        "ce_type": _text("Wins over type of the body."),
        "ce_time": _text("Wins over occurred_at of the body.", format="date-time"),
        "ce_subject": _text("Wins over customer_id of the body."),
        "traceparent": _TRACE,
        "ce_traceparent": _TRACE,
        control.IMPORT_HEADER: _text("The import that wrote the event."),
        control.REROUTED_HEADER: _text("The partition from which the service carried the event here."),
    }


def _change_headers() -> Document:
    properties = {
        "content-type": _text("Of the value.", const="application/json"),
        "ce_specversion": _text("A change is a CloudEvent in binary mode.", const="1.0"),
        "ce_source": _text("Who says it.", const="streamer"),
        "ce_type": _text("As type of the value.", const="segment.changed"),
        "ce_id": _text("As event_id of the value: drop repeats by it."),
        "ce_time": _text("As changed_at of the value.", format="date-time"),
        "ce_subject": _text("As customer_id of the value."),
        "segmentation": _text("The segmentation in which the customer moved."),
        "to": _text("Id of the new segment; empty where a membership ends."),
        "from": _text("Id of the old segment; empty on the first change."),
        "cause": _text("As cause of the value.", enum=list(get_args(Cause))),
        "automation_safe": _text("Whether an automation may act on it.", enum=["true", "false"]),
    }
    required = tuple(properties)
    traces = {"traceparent": _TRACE, "ce_traceparent": _TRACE}
    return _headers("Headers of a change, for filtering without parsing.", {**properties, **traces}, required)


def _control_headers() -> Document:
    properties = {
        control.CONTROL_HEADER: _text("Says that this is a control record.", const="1"),
        signing.SIGNATURE_HEADER: _text(
            "2;WRITER;NUMBER;HMAC-SHA256 in hex, over topic, partition, writer, number and value by the control key."
        ),
    }
    return _headers("Headers of a control record.", properties, (control.CONTROL_HEADER,))


def _deadletter_headers() -> Document:
    properties = {
        deadletters.TOPIC: _text("Topic of the record, without prefix."),
        deadletters.PARTITION: _text("Its partition.", pattern="^[0-9]+$"),
        deadletters.OFFSET: _text("Its offset.", pattern="^[0-9]+$"),
        deadletters.TIMESTAMP: _text("Its append time, ms.", pattern="^[0-9]+$"),
        deadletters.STAGE: _text("Where it was refused."),
        deadletters.REASON: _text("Why.", enum=list(get_args(deadletters.Reason))),
        deadletters.MESSAGE: _text("What was wrong, in words; never the payload."),
    }
    return _headers(
        "Headers of a dead letter beside the record's own; key and value are as they were received.",
        {**properties, "traceparent": _TRACE},
        tuple(properties),
    )
