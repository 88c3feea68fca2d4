from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

import schemas
from schemas.changes import (
    CAUSES,
    CHANGE_NAMESPACE,
    SAFE_CAUSES,
    Change,
    Membership,
    ModelRef,
    NextMove,
    Reason,
    SegmentRef,
    Trigger,
    change_event_id,
    change_headers,
    encode_change,
    encode_memberships,
)
from schemas.fields import Wire
from schemas.published import CustomerMemberships, ModelProposal, SegmentChanged, SegmentDefinition, SegmentModel
from schemas.wire_time import epoch_ms

EXAMPLES = Path(str(schemas.__file__)).parent / "examples" / "outgoing"
AT = epoch_ms("2011-11-02T10:15:00Z")
CHANGE = Change(
    event_id="1600c84f-bb53-510e-a3ad-ac89d8028b41",
    customer_id="17850",
    seq=7,
    segmentation="lifecycle",
    from_segment=SegmentRef("at_risk", "At risk"),
    to_segment=SegmentRef("active", "Active"),
    cause="event",
    automation_safe=True,
    is_initial=False,
    changed_at=AT,
    trigger=Trigger("e-order.completed-1", "order.completed", "customer.events.v1", 3, 4711),
    model=ModelRef("rules", 4),
    confidence=0.93,
    next_move=NextMove("at_risk", epoch_ms("2012-01-05T00:00:00Z")),
    reasons=(Reason("recency_days", 61.2, 0.0, 45.0, 0.81),),
    features={"recency_days": 0.0, "frequency": 4.2, "monetary": 310.5},
)
ENDED = Change(
    event_id="e",
    customer_id="17850",
    seq=1,
    segmentation="lifecycle",
    from_segment=None,
    to_segment=None,
    cause="consent",
    automation_safe=False,
    is_initial=True,
    changed_at=AT,
    trigger=None,
    model=ModelRef("rules", 1),
)


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.json").read_bytes()


def test_a_change_is_written_as_the_contract_shows_it() -> None:
    written = encode_change(CHANGE, AT + 120)
    shown = example("segment.changed")
    assert json.loads(written) == json.loads(shown)
    assert list(json.loads(written)) == list(json.loads(shown))


@pytest.mark.parametrize("change", [CHANGE, ENDED])
def test_the_published_model_reads_what_is_written(change: Change) -> None:
    written = encode_change(change, AT)
    read = TypeAdapter(SegmentChanged).validate_json(written)
    assert read.changed_at == change.changed_at and read.seq == change.seq
    assert json.loads(read.model_dump_json(by_alias=True)) == json.loads(written)
    assert set(json.loads(written)) == {field.alias or name for name, field in SegmentChanged.model_fields.items()}


def test_memberships_are_read_by_the_published_model() -> None:
    since = epoch_ms("2011-06-01T00:00:00Z")
    written = encode_memberships(
        "17850",
        7,
        AT,
        {
            "lifecycle": Membership("active", "Active", AT, 4, 0.93),
            "value": Membership("gold", "Gold", since, 4),
        },
    )
    assert written is not None and json.loads(written) == json.loads(example("segment.memberships"))
    assert CustomerMemberships.model_validate_json(written).segments["value"].since == since


def test_no_membership_left_is_a_tombstone() -> None:
    assert encode_memberships("17850", 8, AT, {}) is None


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("segment.changed", SegmentChanged),
        ("segment.memberships", CustomerMemberships),
        ("segment.definition", SegmentDefinition),
        ("segment.model", SegmentModel),
        ("segment.proposal", ModelProposal),
    ],
)
def test_examples_survive_reading_and_writing(name: str, model: type[Wire]) -> None:
    assert json.loads(model.model_validate_json(example(name)).model_dump_json(by_alias=True)) == json.loads(
        example(name)
    )


@given(st.from_regex(r"[A-Za-z0-9._:@+-]{1,128}", fullmatch=True), *[st.integers(0, 2**62)] * 3)
def test_change_ids_are_uuid5(customer_id: str, partition: int, offset: int, seq: int) -> None:
    name = f"{customer_id}/{partition}/{offset}/{seq}"
    assert change_event_id(customer_id, partition, offset, seq) == str(uuid5(CHANGE_NAMESPACE, name))


def test_change_ids_never_alter() -> None:
    assert change_event_id("17850", 3, 4711, 7) == CHANGE.event_id


def test_headers_make_a_cloud_event_and_allow_filtering() -> None:
    assert dict(change_headers(CHANGE)) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_source": b"streamer",
        "ce_time": b"2011-11-02T10:15:00Z",
        "ce_subject": b"17850",
        "ce_type": b"segment.changed",
        "ce_id": CHANGE.event_id.encode(),
        "segmentation": b"lifecycle",
        "to": b"active",
        "from": b"at_risk",
        "cause": b"event",
        "automation_safe": b"true",
    }
    ended = dict(change_headers(ENDED))
    assert (ended["to"], ended["from"], ended["automation_safe"]) == (b"", b"", b"false")


def test_a_trace_goes_into_the_headers() -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = dict(change_headers(CHANGE, trace))
    assert headers["traceparent"] == headers["ce_traceparent"] == trace
    assert "traceparent" not in dict(change_headers(CHANGE))


def test_causes() -> None:
    assert len(CAUSES) == 11 and SAFE_CAUSES < CAUSES
