"""Test converting bodies of requests to bodies of events: our format, CloudEvents, Segment's calls."""

from __future__ import annotations

import base64
import json

import pytest

from schemas.collector import MAX_EVENTS
from schemas.wire_time import epoch_ms
from streamer.web.api.problems import ProblemError
from streamer.web.collector import calls

NOW = epoch_ms("2026-03-01T12:00:00Z")
ORDER = {"event_id": "e1", "type": "order.completed", "customer_id": "ann", "order_id": "o1", "total": 5}


def bodies(body: object, **headers: str) -> list[dict[str, object]]:
    found = calls.events_of(json.dumps(body).encode(), {name.replace("_", "-"): text for name, text in headers.items()})
    assert not [one for one in found if one.error]
    return [json.loads(one.value) for one in found]


def test_one_event_or_a_list() -> None:
    assert bodies(ORDER) == [ORDER]
    assert bodies([ORDER, ORDER]) == [ORDER, ORDER]
    assert bodies([]) == []


def test_cloudevents_in_every_mode() -> None:
    data = {"order_id": "o1", "total": 5}
    outer = {"specversion": "1.0", "id": "e1", "type": "order.completed", "subject": "ann"}
    assert bodies({**outer, "data": data}) == [ORDER]
    assert bodies(
        [{**outer, "data": data}, {**outer, "data_base64": base64.b64encode(json.dumps(data).encode()).decode()}]
    )
    assert bodies(data, ce_specversion="1.0", ce_id="e1", ce_type="order.completed", ce_subject="ann") == [ORDER]


def test_an_event_that_merely_speaks_of_specversion_is_ours() -> None:
    own = {**ORDER, "coupon": '"specversion"'}
    assert bodies(own) == [own]


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b'{"a":', b"\xff", b"[" * 100_000, b'{"a":' * 10_000, b"7", b"null"]
)
def test_what_is_no_json_object_or_list_is_a_problem(body: bytes) -> None:
    with pytest.raises(ProblemError) as raised:
        calls.events_of(body, {})
    assert raised.value.status == 400 and raised.value.hint


def test_too_many_events_are_a_problem() -> None:
    with pytest.raises(ProblemError):
        calls.events_of(b"[" + b"{}," * MAX_EVENTS + b"{}]", {})
    with pytest.raises(ProblemError):
        calls.calls_of({"batch": [{}] * (MAX_EVENTS + 1)}, "batch", NOW)


def test_an_entry_of_a_list_that_is_no_object_is_rejected_by_itself() -> None:
    found = calls.calls_of({"batch": [7, {"type": "track", "event": "Product Viewed", "userId": "ann"}]}, "batch", NOW)
    assert found[0].error is not None and found[1].error is None


def test_a_batch_gives_its_context_to_its_calls() -> None:
    (one,) = calls.calls_of(
        {"batch": [{"type": "page", "userId": "ann", "messageId": "m"}], "context": {"locale": "de-DE"}}, "batch", NOW
    )
    body = json.loads(one.value)
    assert body["type"] == "page.viewed" and body["context"] == {"locale": "de-DE"} and body["event_id"] == "m"


def test_a_call_without_a_time_happened_when_it_came() -> None:
    (one,) = calls.calls_of({"event": "Product Viewed", "userId": "ann"}, "track", NOW)
    assert json.loads(one.value)["occurred_at"] == "2026-03-01T12:00:00Z"


def test_groups_and_unknown_calls_are_rejected_with_their_id() -> None:
    found = calls.calls_of(
        {"batch": [{"type": "group", "messageId": "g"}, {"type": "nope", "messageId": "n"}]}, "batch", NOW
    )
    assert [(one.error.reason, one.event_id) for one in found if one.error] == [
        ("unknown_type", "g"),
        ("unknown_type", "n"),
    ]


def test_a_batch_without_a_list_is_a_problem() -> None:
    with pytest.raises(ProblemError):
        calls.calls_of({"batch": {}}, "batch", NOW)


def test_ids_of_rejected_events_are_found_where_they_can_be() -> None:
    found = [calls.Body(b'{"event_id": "e"}'), calls.Body(b"nonsense"), calls.Body(b"{}"), calls.Body(b"", None, "m")]
    assert list(calls.ids_of(found)) == ["e", None, None, "m"]


def test_short_paths_stand_for_all_calls() -> None:
    assert sorted(calls.KINDS) == sorted("tipsgab")
    assert calls.sent_ms({"sentAt": "2026-03-01T12:00:00Z"}) == NOW
    assert calls.sent_ms({"sentAt": "yesterday"}) is None and calls.sent_ms({}) is None
