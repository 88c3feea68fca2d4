from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import ENABLED_TYPES, MAX_EVENT_BYTES, decode
from schemas.deadletters import REASONS
from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES, Interaction, OrderCompleted, types_of

ORDER: dict[str, Any] = {
    "event_id": "e-1",
    "type": "order.completed",
    "customer_id": "17850",
    "occurred_at": "2011-11-02T10:15:00Z",
    "order_id": "536365",
    "total": 20.34,
    "currency": "GBP",
    "products": [{"product_id": "85123A", "name": "lantern", "price": 3.39, "quantity": 6}],
    "context": {"device": "mobile"},
}
VALUE = json.dumps(ORDER).encode()


def refusal(value: bytes | None, key: bytes | None = b"17850") -> InvalidEvent:
    with pytest.raises(InvalidEvent) as refused:
        decode(key, value)
    return refused.value


def test_an_order() -> None:
    event = decode(b"17850", VALUE, ())
    assert isinstance(event, OrderCompleted)
    assert (event.occurred_at, event.total) == (1_320_228_900_000, 20.34)
    assert event.products[0]["product_id"] == "85123A"


def test_a_null_key_takes_the_customer_id() -> None:
    assert decode(None, VALUE).customer_id == "17850"


@pytest.mark.parametrize("key", [b"", b"13047", b"17850 ", b"\xff"])
def test_another_key_is_a_mismatch(key: bytes) -> None:
    assert refusal(VALUE, key).reason == "key_mismatch"


def test_size_is_looked_at_before_anything_else() -> None:
    largest = VALUE + b" " * (MAX_EVENT_BYTES - len(VALUE))
    assert decode(b"17850", largest) == decode(b"17850", VALUE)
    assert refusal(largest + b" ").reason == "oversize"
    with pytest.raises(InvalidEvent, match="oversize"):
        decode(None, b"{" * 11, max_event_bytes=10)


@pytest.mark.parametrize("name", sorted(EVENT_TYPES - ENABLED_TYPES))
def test_types_that_are_not_switched_on_are_unknown(name: str) -> None:
    assert refusal(json.dumps({**ORDER, "type": name}).encode()).reason == "unknown_type"


def test_interactions_are_one_kind_of_event() -> None:
    for name in types_of(Interaction):
        assert isinstance(decode(None, json.dumps({**ORDER, "type": name}).encode()), Interaction)


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (None, "unknown_type", None),
        (b"", "not_json", None),
        (b"null", "invalid_field", None),
        (b"[1]", "invalid_field", None),
        (b'"order.completed"', "invalid_field", None),
        (b"\xff\xfe{}", "not_json", None),
        (b"\xef\xbb\xbf" + VALUE, "not_json", None),
        (VALUE + VALUE, "not_json", None),
        (VALUE.replace(b"lantern", b"\xe9"), "not_json", None),
        (VALUE.replace(b"lantern", b"\\ud800"), "not_json", None),
        (VALUE.replace(b"lantern", b"\n"), "not_json", None),
        (b"[" * 100_000, "not_json", None),
        (b'{"a":' * 40_000, "not_json", None),
        (VALUE.replace(b"20.34", b"9" * 5000), "not_json", None),
        (VALUE.replace(b"20.34", b"9" * 400), "invalid_field", "total"),
        (VALUE.replace(b"20.34", b"1e999"), "invalid_field", "total"),
        (VALUE.replace(b"20.34", b"NaN"), "invalid_field", "total"),
        (
            VALUE.replace(b'"quantity": 6', b'"quantity": ' + b"9" * 400),
            "invalid_field",
            "products.0.quantity",
        ),
        (b"{}", "invalid_field", "type"),
        (b'{"type": null}', "unknown_type", "type"),
        (b'{"type": 5}', "unknown_type", "type"),
        (b'{"type": "control.model"}', "bad_control", "type"),
        (b'{"type": "order.completed"}', "invalid_field", "event_id"),
        (VALUE.replace(b"mobile", b"x" * 600), "invalid_field", "context.device"),
    ],
)
def test_reasons(value: bytes | None, reason: str, field: str | None) -> None:
    refused = refusal(value)
    assert (refused.reason, refused.field) == (reason, field)


def test_of_a_field_given_twice_the_last_counts() -> None:
    event = decode(None, VALUE[:-1] + b', "total": 1.5}')
    assert isinstance(event, OrderCompleted) and event.total == 1.5


def test_huge_arrays_are_refused_at_once() -> None:
    value = json.dumps({**ORDER, "products": [0] * 80_000}).encode()
    assert refusal(value).field == "products.0"


SECRET = "s3cr3t"


@pytest.mark.parametrize("field", sorted(ORDER))
@pytest.mark.parametrize("bad", [SECRET + "\x00", {SECRET: SECRET}, [SECRET], [{SECRET: 1}]])
def test_messages_name_the_field_and_never_the_payload(field: str, bad: object) -> None:
    if field == "context" and isinstance(bad, dict):
        bad = {"device": bad}  # unknown names are ignored
    refused = refusal(json.dumps({**ORDER, field: bad}).encode())
    assert SECRET not in str(refused) and refused.field is not None and refused.field.startswith(field)


def attempt(key: bytes | None, value: bytes) -> None:
    try:
        decode(key, value)
    except InvalidEvent as refused:
        assert refused.reason in REASONS


@given(st.none() | st.binary(), st.binary())
def test_any_bytes_give_an_invalid_event_and_never_another_error(key: bytes | None, value: bytes) -> None:
    attempt(key, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(ORDER)), JSON), st.sampled_from(sorted(ENABLED_TYPES)))
def test_valid_events_with_fields_replaced(fields: dict[str, object], name: str) -> None:
    attempt(None, json.dumps({**ORDER, "type": name, **fields}).encode())


@given(st.data())
def test_valid_events_with_bytes_replaced(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(VALUE)))
    end = data.draw(st.integers(start, len(VALUE)))
    attempt(b"17850", VALUE[:start] + data.draw(st.binary(max_size=8)) + VALUE[end:])
