from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ways_in import WAYS, binary, structured

from schemas.cloudevents import body_of
from schemas.codec import decode
from schemas.deadletters import REASONS
from schemas.errors import InvalidEvent
from schemas.events import Interaction, OrderCompleted
from schemas.records import Headers

ORDER: dict[str, Any] = {
    "event_id": "e-1",
    "type": "order.completed",
    "customer_id": "17850",
    "occurred_at": "2011-11-02T10:15:00.120+01:00",
    "order_id": "536365",
    "total": 20.34,
    "currency": "GBP",
    "products": [{"product_id": "85123A", "name": "lantern }", "price": 3.39, "quantity": 6}],
}
STRUCTURED = [("content-type", b"application/cloudevents+json")]


def refusal(value: bytes | None, headers: Headers, key: bytes | None = b"17850") -> tuple[str, str | None]:
    with pytest.raises(InvalidEvent) as refused:
        decode(key, value, headers)
    assert refused.value.reason in REASONS
    return refused.value.reason, refused.value.field


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_says_the_same(way: str) -> None:
    value, headers = WAYS[way](ORDER)
    event = decode(b"17850", value, headers)
    assert isinstance(event, OrderCompleted)
    assert event.model_copy(update={"context": None}) == decode(b"17850", json.dumps(ORDER).encode())


def test_a_header_wins_over_the_body() -> None:
    value = json.dumps(ORDER).encode()
    event = decode(None, value, [("ce_id", b"e-2"), ("ce_subject", b"13047"), ("ce_type", b"product.viewed")])
    assert isinstance(event, Interaction)
    assert (event.event_id, event.customer_id) == ("e-2", "13047")
    assert refusal(value, [("ce_subject", b"13047")]) == ("key_mismatch", "customer_id")
    assert decode(b"17850", value, [("ce_id", b"x"), ("ce_id", b"e-3")]).event_id == "e-3"


@pytest.mark.parametrize("value", [None, b"", b"{}", b" { } "])
def test_a_binary_event_without_data_is_all_attributes(value: bytes | None) -> None:
    headers = [("ce_id", b"e"), ("ce_type", b"page.viewed"), ("ce_time", b"2025-03-01T00:00:00Z")]
    event = decode(b"17850", value, [*headers, ("ce_subject", b"17850")])
    assert isinstance(event, Interaction) and event.event_id == "e"


def test_headers_of_others_leave_the_body_alone() -> None:
    value = json.dumps(ORDER).encode()
    headers: Any = [
        ("traceparent", b"x"),
        ("content-type", b"application/json"),
        ("ce_source", b"/shop"),
        ("ce_id", None),
    ]
    assert body_of(value, headers) is value
    assert body_of(None, headers) is None
    assert refusal(None, headers) == ("unknown_type", None)


def test_the_content_type_may_be_written_in_any_case() -> None:
    value, _ = structured(ORDER)
    assert decode(None, value, [("Content-Type", b" Application/CloudEvents+JSON")]).event_id == "e-1"


def test_structured_attributes_win_over_data() -> None:
    value = json.dumps({"id": "e-2", "type": "order.completed", "data": ORDER}).encode()
    assert decode(b"17850", value, STRUCTURED).event_id == "e-2"


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (b"{", ("not_json", None)),
        (b"\xff", ("not_json", None)),
        (b'{"a":' * 50_000, ("not_json", None)),
        (b"[]", ("invalid_field", None)),
        (b"17", ("invalid_field", None)),
        (b"{}", ("invalid_field", "type")),
        (b'{"type": "order.imagined"}', ("unknown_type", "type")),
        (b'{"type": 5, "data": {}}', ("unknown_type", "type")),
        (b'{"type": "control.clock"}', ("bad_control", "type")),
        (b'{"type": "order.completed", "data": "text"}', ("invalid_field", "data")),
        (b'{"type": "order.completed", "data": [1]}', ("invalid_field", "data")),
        (b'{"type": "order.completed", "data_base64": "?"}', ("invalid_field", "data_base64")),
        (b'{"type": "order.completed", "data_base64": 5}', ("invalid_field", "data_base64")),
        (b'{"type": "order.completed", "data_base64": "WzFd"}', ("invalid_field", "data")),
        (b'{"type": "order.completed", "id": 5}', ("invalid_field", "event_id")),
        (b'{"type": "order.completed", "id": "e", "subject": "a\\u200eb"}', ("invalid_field", "customer_id")),
        (b'{"type": "page.viewed", "id": "e", "subject": "a", "time": "today"}', ("invalid_field", "occurred_at")),
    ],
)
def test_what_a_structured_event_may_not_be(value: bytes, refused: tuple[str, str | None]) -> None:
    assert refusal(value, STRUCTURED) == refused


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (b"{", ("not_json", None)),
        (b'{"a": 1', ("not_json", None)),
        (b'{"a": 1,}', ("not_json", None)),
        (b'{"a":"}', ("not_json", None)),
        (b'{"a":"\\}', ("not_json", None)),
        (b'{"}', ("not_json", None)),
        (b"{,}", ("not_json", None)),
        (b"{} {}", ("not_json", None)),
        (b"\xff\xfe{}", ("not_json", None)),
        (b"[1]", ("invalid_field", None)),
        (b"{}", ("invalid_field", "order_id")),
    ],
)
def test_what_a_binary_body_may_not_be(value: bytes, refused: tuple[str, str | None]) -> None:
    _, headers = binary(ORDER)
    assert refusal(value, headers) == refused


def test_a_header_that_is_no_text() -> None:
    value, headers = binary(ORDER)
    assert refusal(value, [*headers, ("ce_id", b"\xff")]) == ("invalid_field", "event_id")
    smuggler = decode(None, value, [*headers, ("ce_id", b'x", "total": "1')])
    assert isinstance(smuggler, OrderCompleted)
    assert (smuggler.event_id, smuggler.total) == ('x", "total": "1', 20.34)


def test_size_is_that_of_the_record() -> None:
    value, headers = structured(ORDER)
    with pytest.raises(InvalidEvent, match="oversize"):
        decode(None, value, headers, max_event_bytes=len(value) - 1)


NAMES = st.sampled_from(["content-type", "ce_id", "ce_type", "ce_time", "ce_subject", "ce_x"])
TEXTS = st.binary(max_size=12) | st.sampled_from([b"application/cloudevents+json", b"order.completed", b"page.viewed"])


@given(st.none() | st.binary(max_size=40), st.lists(st.tuples(NAMES, TEXTS), max_size=5))
def test_any_headers_give_an_event_or_a_reason(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    try:
        decode(None, value, headers)
    except InvalidEvent as refused:
        assert refused.reason in REASONS


BROKEN = st.sampled_from([b"{", b"}", b'"', b",", b":", b"\\", b"1", b"a", b" ", b"[", b"]", b'"a":1'])


@given(st.lists(BROKEN, max_size=8).map(b"".join))
def test_attributes_behind_a_body_neither_mend_nor_break_it(body: bytes) -> None:
    """Appending them to the body's own fields is sound: the result is JSON exactly if the body was."""

    def valid(text: bytes | None) -> bool:
        try:
            json.loads(text or b"")
        except ValueError:
            return False
        return True

    text = b"{" + body + b"}"
    assert valid(body_of(text, [("ce_id", b'"},{:\\')])) == valid(text)
