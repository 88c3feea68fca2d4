"""Test that published data keeps its meaning: old payloads decode as before, and no published field is gone.

``payloads.jsonl`` and ``published_fields.txt`` are append-only. A line that must change is a breaking change, which
requires a new version of the topic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter

from schemas import documents
from schemas.codec import ENABLED_TYPES, decode
from schemas.control import decode_control, encode_control
from schemas.deadletters import parse_headers
from schemas.events import Event

HERE = Path(__file__).parent
PAYLOADS = [json.loads(line) for line in (HERE / "payloads.jsonl").read_text(encoding="utf-8").splitlines()]
ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def meaning(payload: dict[str, Any]) -> Any:
    """Return what a payload means to the current code."""
    headers = [(name, text.encode()) for name, text in payload["headers"].items()]
    value = payload["value"].encode()
    match payload["what"]:
        case "event":
            type = payload["means"]["type"]
            event = decode(None, value, headers) if type in ENABLED_TYPES else ANY_EVENT.validate_json(value)
            return json.loads(ANY_EVENT.dump_json(event))
        case "control":
            return json.loads(encode_control(decode_control(value)))
        case "dead letter":
            letter = parse_headers(headers)
            return {
                name: getattr(letter, name) for name in ("topic", "partition", "offset", "stage", "reason", "message")
            }
        case name:
            model = documents.OUTGOING[name]
            return json.loads(model.model_validate_json(value).model_dump_json(by_alias=True))


def missing(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Return what an old meaning contains and the new one does not; anything may be added."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            yield from missing(value, new.get(name), f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (mine, other) in enumerate(zip(old, new, strict=True)):
            yield from missing(mine, other, f"{path}[{number}]")
    elif old != new:
        yield f"{path}: was {old!r}, is {new!r}"


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload["name"])
def test_an_old_payload_means_what_it_meant(payload: dict[str, Any]) -> None:
    assert list(missing(payload["means"], meaning(payload))) == []


def fields() -> list[str]:
    """Return all published fields with their JSON types, as ``record path types``."""
    found = []
    for name, schema in documents.schemas().items():
        if name in documents.OUTGOING or name in (documents.CHANGE_HEADERS, documents.DEADLETTER_HEADERS):
            found += [f"{name} {path} {types}" for path, types in walk(schema, schema, "")]
    return sorted(found)


def walk(schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for option in resolved(schema, root):
        for name, inner in option.get("properties", {}).items():
            here = f"{path}.{name}" if path else name
            yield here, "|".join(sorted({kind for one in resolved(inner, root) for kind in kinds(one)}))
            yield from walk(inner, root, here)
        for name, mark in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(option.get(name), dict):
                yield from walk(option[name], root, path + mark)
        for inner in option.get("patternProperties", {}).values():
            yield from walk(inner, root, path + "{}")


def kinds(schema: dict[str, Any]) -> list[str]:
    found = schema.get("type", "any")
    return found if isinstance(found, list) else [found]


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the plain schemas that a schema combines."""
    if "$ref" in schema:
        return resolved(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return [plain for option in schema["anyOf"] for plain in resolved(option, root)]
    return [schema]


def test_no_published_field_is_removed_renamed_or_of_another_type() -> None:
    kept = (HERE / "published_fields.txt").read_text(encoding="utf-8").splitlines()
    now = fields()
    assert [field for field in kept if field not in now] == [], "published: these may not go"
    assert [field for field in now if field not in kept] == [], "new: add these lines to published_fields.txt"
