"""Test that every file in ``schemas/examples`` does what its name implies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter

import schemas
from schemas.codec import ENABLED_TYPES, decode
from schemas.control import decode_control, is_control
from schemas.deadletters import REASONS
from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES, Event, Interaction, OrderCompleted, OrderReversed
from schemas.money import Rates

ROOT = Path(str(schemas.__file__)).parent / "examples"
EVENTS = sorted((ROOT / "events").glob("*.json"))
REFUSED = sorted((ROOT / "refused").glob("*.json"))
ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str
    stage: str
    field: str | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def refused_example(path: Path) -> Refused:
    case: dict[str, Any] = json.loads(path.read_text())
    value: bytes | None = None
    if "value" in case:
        value = json.dumps(case["value"]).encode()
    elif "text" in case:
        value = case["text"].encode()
    elif "hex" in case:
        value = bytes.fromhex(case["hex"])
    if value is not None:
        value = value.ljust(case.get("pad_to_bytes", 0))
    headers = [(name, text.encode()) for name, text in case.get("headers", {}).items()]
    key = None if case["key"] is None else case["key"].encode()
    return Refused(case["reason"], case["stage"], case["field"], key, value, headers)


def test_each_type_and_each_reason_has_an_example() -> None:
    assert {path.stem for path in EVENTS} == EVENT_TYPES
    # Poison is a record on which our own code failed, so none can be written down.
    assert {refused_example(path).reason for path in REFUSED} == REASONS - {"poison"}
    assert all(path.name.startswith(refused_example(path).reason) for path in REFUSED)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_event(path: Path) -> None:
    event = ANY_EVENT.validate_json(path.read_bytes())
    assert event.type == path.stem
    assert ANY_EVENT.validate_json(ANY_EVENT.dump_json(event)) == event
    body = json.loads(path.read_bytes())
    kept = json.loads(ANY_EVENT.dump_json(event, exclude_none=False, exclude_unset=True))
    assert {**kept, "sent_at": body.get("sent_at")} == {**body, "sent_at": body.get("sent_at")}
    if event.type in ENABLED_TYPES:
        assert decode(event.partition_id().encode(), path.read_bytes()) == event


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_refused(path: Path) -> None:
    case = refused_example(path)
    if case.stage == "decode":
        with pytest.raises(InvalidEvent) as refused:
            if is_control(case.headers):
                decode_control(case.value)
            else:
                decode(case.key, case.value, case.headers)
        assert (refused.value.reason, refused.value.field) == (case.reason, case.field)
        return
    event = decode(case.key, case.value, case.headers)
    if case.reason == "unknown_currency":
        assert isinstance(event, (OrderCompleted, OrderReversed, Interaction))
        with pytest.raises(InvalidEvent) as refused:
            Rates("GBP", {"EUR": 0.86}).minor(1.0, event.currency)
        assert (refused.value.reason, refused.value.field) == (case.reason, case.field)
