"""Test the generated documents: as committed, valid by their standards, and true to what the service reads and writes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

import schemas
from schemas import asyncapi, documents, export, topics
from schemas.changes import Change, ModelRef, SegmentRef, change_headers
from schemas.control import CONTROL_TYPES, control_headers
from schemas.deadletters import headers_for
from schemas.events import EVENT_TYPES
from schemas.records import Headers, Record
from schemas.signing import ControlKeys, Seal

FOLDER = Path(str(schemas.__file__)).parent / "generated"
EXAMPLES = Path(str(schemas.__file__)).parent / "examples"
PUBLISHED = Path(__file__).parents[2] / "support" / "asyncapi" / "3.0.0.schema.json.gz"
SCHEMAS = documents.schemas()
NAMES = sorted(EVENT_TYPES | CONTROL_TYPES | documents.OUTGOING.keys())


def example(name: str) -> Any:
    [path] = EXAMPLES.glob(f"*/{name}.json")
    return json.loads(path.read_text(encoding="utf-8"))


def errors(name: str, value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(value)]


def test_what_is_committed_is_what_is_generated() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert committed == export.files(), "run `make documents` and commit what it writes"


def test_every_record_has_a_schema() -> None:
    headers = {name for name in SCHEMAS if name.endswith(".headers")}
    assert set(SCHEMAS) == {*NAMES, *headers}
    assert len(headers) == 4
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert (schema["$schema"], schema["title"]) == (documents.DIALECT, name)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_valid_and_nothing_required_may_be_missing(name: str) -> None:
    value = example(name)
    assert errors(name, value) == []
    for field in SCHEMAS[name]["required"]:
        assert errors(name, {key: field_value for key, field_value in value.items() if key != field}), field
    assert errors(name, {**value, "type": "another"})


def texts(headers: Headers) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


def test_headers_that_the_service_writes_are_valid() -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    change = Change(
        event_id="e",
        customer_id="ann",
        seq=1,
        segmentation="lifecycle",
        from_segment=None,
        to_segment=SegmentRef("new", "New"),
        cause="event",
        automation_safe=True,
        is_initial=True,
        changed_at=0,
        trigger=None,
        model=ModelRef("rules", 1),
    )
    record = Record(0, 0, 0, b"ann", b"{", (("traceparent", trace),))
    written = {
        documents.CHANGE_HEADERS: change_headers(change, trace),
        documents.CONTROL_HEADERS: control_headers(b"{}", 1, Seal("lane-1", 7), ControlKeys("", (b"secret",))),
        documents.DEADLETTER_HEADERS: headers_for(record, topics.EVENTS, "intake", "not_json", "x"),
    }
    for name, headers in written.items():
        assert errors(name, texts(headers)) == []
        assert set(texts(headers)) <= set(SCHEMAS[name]["properties"]), "each header is described"
        assert errors(name, {}), name
    assert errors(
        documents.DEADLETTER_HEADERS, {**texts(written[documents.DEADLETTER_HEADERS]), "dlq.reason": "bad luck"}
    )


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_asyncapi_document_is_valid_and_its_references_lead_somewhere() -> None:
    published = Draft7Validator(json.loads(gzip.decompress(PUBLISHED.read_bytes())))
    document = asyncapi.document()
    assert [error.message for error in published.iter_errors(document)] == []
    assert list(published.iter_errors({**document, "channels": {"events": {"adress": "x"}}})), "mistakes are found"
    written = export.files()
    for reference in references(document):
        if reference.startswith("./"):
            assert reference[2:] in written
        else:
            found: Any = document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]


def test_each_topic_but_the_inner_ones_is_a_channel() -> None:
    document = asyncapi.document()
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert {topic.name for topic in topics.TOPICS} - addresses == {topics.STATE, topics.PANEL, topics.ACT}
    assert set(document["channels"]["events"]["messages"]) == EVENT_TYPES | CONTROL_TYPES
    by_action = {name: operation["action"] for name, operation in document["operations"].items()}
    assert by_action["receive.events"] == "receive" and by_action["send.changes"] == "send"
