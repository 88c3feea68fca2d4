"""Test that lenient reading interprets others' events as meant or rejects them with the reason; storage stays strict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.events import Event, Interaction, OrderCompleted, OrderReversed, ProfileUpdated, Tracked
from schemas.kindly import Reading
from schemas.own_names import meant

READING = Reading("CHF", "Europe/Zurich")
ORDER = {
    "event_id": "e",
    "type": "order.completed",
    "customer_id": "ann",
    "occurred_at": "2024-03-02T10:00:00Z",
    "order_id": "o",
    "total": 45,
    "currency": "EUR",
}


def read(noted: list[str] | None = None, **changed: Any) -> Event:
    body = {name: value for name, value in {**ORDER, **changed}.items() if value != "left out"}
    return decode(None, json.dumps(body).encode(), reading=READING, noted=noted)


def refused(value: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as raised:
        decode(None, value, reading=READING)
    return raised.value.reason, raised.value.message


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"total": "45.50"}, "total", 45.5),
        ({"customer_id": 4711}, "customer_id", "4711"),
        ({"customer_id": 4711.0}, "customer_id", "4711"),
        ({"order_id": 17}, "order_id", "17"),
        ({"currency": "eur"}, "currency", "EUR"),
        ({"discount": "2.5"}, "discount", 2.5),
        ({"occurred_at": "2024-03-02T10:00:00.123456+0530"}, "occurred_at", 1_709_353_800_123),
        ({"occurred_at": 1_709_373_600}, "occurred_at", 1_709_373_600_000),
        ({"occurred_at": 1_709_373_600_000}, "occurred_at", 1_709_373_600_000),
        ({"occurred_at": "1709373600000000"}, "occurred_at", 1_709_373_600_000),
        ({"products": [{"product_id": 123, "price": "20.00", "quantity": 1.0}]}, "total", 45.0),
        ({"order_id": "left out", "orderId": "o7"}, "order_id", "o7"),
        ({"total": "left out", "value": "45"}, "total", 45.0),
    ],
)
def test_what_is_meant_beyond_doubt_is_read(changed: dict[str, Any], field: str, value: object) -> None:
    noted: list[str] = []
    event = read(noted, **changed)
    assert getattr(event, field) == value and noted == []
    with pytest.raises(InvalidEvent):
        body = {name: value for name, value in {**ORDER, **changed}.items() if value != "left out"}
        decode(None, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("changed", "noted_field"),
    [
        ({"currency": "left out"}, "currency"),
        ({"occurred_at": "2024-03-02 10:00:00"}, "occurred_at.zone"),
        ({"coupon": ["A", "B"]}, "coupon"),
        ({"context": {"campaign": "x" * 600}}, "context.campaign"),
        ({"tax": "a lot"}, "tax"),
        ({"products": [{"price": 2.0}]}, "products"),
        ({"products": [{"product_id": "p", "price": -2.0}]}, "products.price"),
    ],
)
def test_what_is_left_out_or_taken_for_granted_is_noted(changed: dict[str, Any], noted_field: str) -> None:
    noted: list[str] = []
    event = read(noted, **changed)
    assert isinstance(event, OrderCompleted) and noted == [noted_field] and event.total == 45
    if noted_field == "currency":
        assert event.currency == "CHF"
    if noted_field == "occurred_at.zone":
        assert event.occurred_at == 1_709_370_000_000


@pytest.mark.parametrize(
    "changed", [{"total": "a lot"}, {"total": True}, {"total": -5}, {"customer_id": True}, {"occurred_at": "soon"}]
)
def test_what_an_event_needs_is_never_guessed(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="invalid_field"):
        read(**changed)


def test_a_refund_is_money_given_back_whatever_its_sign_and_never_becomes_a_whole_one() -> None:
    event = read(type="order.refunded", refund_id="r", total=-45)
    assert isinstance(event, OrderReversed) and event.total == 45
    with pytest.raises(InvalidEvent):
        read(type="order.refunded", refund_id="r", total="some")


def test_an_empty_user_gives_way_to_the_visitor_and_a_call_without_an_id_gets_one() -> None:
    call = {
        "type": "track",
        "event": "Product Viewed",
        "userId": "",
        "anonymousId": "v1",
        "timestamp": ORDER["occurred_at"],
    }
    one, two = (decode(None, json.dumps(call).encode(), reading=READING) for _ in range(2))
    assert isinstance(one, Interaction) and one.customer_id == "v1" and one.event_id == two.event_id
    assert one.event_id.startswith("made-")


def test_traits_that_are_none_of_ours_are_the_shops_own() -> None:
    call = {
        "type": "identify",
        "userId": "ann",
        "messageId": "i",
        "timestamp": ORDER["occurred_at"],
        "traits": {
            "plan": "pro",
            "logins": 5,
            "createdAt": "2020-01-01",
            "address": {"city": "Bern"},
            "email": "a@b.ch",
        },
    }
    event = decode(None, json.dumps(call).encode(), reading=READING)
    assert isinstance(event, ProfileUpdated)
    assert event.traits["custom"] == {"plan": "pro", "logins": 5}
    assert (event.traits["city"], event.traits["email"]) == ("Bern", "a@b.ch")


@pytest.mark.parametrize(
    ("name", "good", "odd"),
    [
        ("name", "Ада Лавлейс", "two\nlines"),
        ("email", "jürgen@käse.example", "no address"),
        ("phone", "+49 (151) 123-45 67", "call me"),
        ("timezone", "America/Argentina/Ushuaia", "half past nine"),
        ("language", "zh_Hans-CN", "what I speak"),
    ],
)
def test_an_odd_address_is_left_out_and_a_good_one_kept(name: str, good: str, odd: str) -> None:
    head = {"type": "profile.updated", "event_id": "p", "customer_id": "a", "occurred_at": ORDER["occurred_at"]}
    for given, kept in ((good, {name: good}), (odd, {})):
        noted: list[str] = []
        value = json.dumps({**head, "traits": {"city": "Bern", name: given}}).encode()
        event = decode(None, value, reading=READING, noted=noted)
        assert isinstance(event, ProfileUpdated) and event.traits == {"city": "Bern", **kept}
        assert noted == ([] if kept else [f"traits.{name}"])
    with pytest.raises(InvalidEvent, match=name):
        decode(None, value)


def test_what_a_shop_calls_its_fields_is_in_no_name_of_a_field_left_out() -> None:
    noted: list[str] = []
    body = {**ORDER, "context": {"ann@example.com": 1, "device": 5}, "ann@example.com": 1, "discount": {"ann": 1}}
    decode(None, json.dumps(body).encode(), reading=READING, noted=noted)
    traits = {"custom": {"ann@example.com": ["odd"]}, "ann": 1, "income": "much"}
    body = {"type": "profile.updated", "event_id": "p", "customer_id": "a", "traits": traits}
    decode(None, json.dumps({**body, "occurred_at": ORDER["occurred_at"]}).encode(), reading=READING, noted=noted)
    assert set(noted) == {"context.device", "discount", "traits.custom", "traits.income"}


def test_other_types_with_properties_are_events_of_the_shops_own() -> None:
    bodies: list[dict[str, Any]] = [
        {"type": "Subscription Started", "properties": {}},
        {"type": "track", "event": "Subscription Started", "properties": {"plan": "pro"}},
    ]
    for body in bodies:
        event = read(**body)
        assert isinstance(event, Tracked) and event.name == "Subscription Started"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "track", "event": "order completed", "properties": {"x": 1}}, "did you mean order.completed?"),
        ({"type": "Completed Order", "properties": {}}, "did you mean order.completed?"),
        ({"type": "order.complete", "properties": {}}, "did you mean order.completed?"),
        ({"type": "prodct.viewed", "properties": {}}, "did you mean product.viewed?"),
        ({"type": "orderRefunded"}, "did you mean order.refunded?"),
        ({"type": "Deal Won", "properties": {"order_id": "o", "total": 5}}, "none of the known ones"),
        ({"type": "Deal Won"}, "none of the known ones"),
        ({"type": "batch", "batch": []}, "send each call as a record of its own"),
    ],
)
def test_a_near_miss_of_a_known_type_is_none(body: dict[str, Any], words: str) -> None:
    reason, message = refused(json.dumps({**body, "event_id": "e", "customer_id": "a"}).encode())
    assert reason == "unknown_type" and words in message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"\0\0\0\0\7" + json.dumps(ORDER).encode(), "five bytes of a schema registry"),
        (b"\xef\xbb\xbf" + json.dumps(ORDER).encode(), "byte order mark"),
        (json.dumps(json.dumps(ORDER)).encode(), "encoded twice"),
    ],
)
def test_the_commonest_first_mistakes_are_named(value: bytes, words: str) -> None:
    assert words in refused(value)[1]


def test_names_that_are_near_and_names_that_are_not() -> None:
    assert [
        meant(name) for name in ("Order Cancelled", "ordercanceled", "Page View", "email_open", "PRODUCT VIEWED")
    ] == [
        "order.cancelled",
        "order.cancelled",
        "page.viewed",
        "email.opened",
        "product.viewed",
    ]
    assert [
        meant(name) for name in ("Signed Up", "Coupon Applied", "Product Shared", "Order Shipped", "Cart Abandoned")
    ] == [None] * 5


def test_an_odd_optional_field_of_several_kinds_costs_that_field() -> None:
    view = {"event_id": "v1", "type": "product.viewed", "customer_id": "ann", "occurred_at": "2026-03-01T12:00:00Z"}
    noted: list[str] = []
    event = decode(None, json.dumps({**view, "quantity": "many"}).encode(), reading=Reading(), noted=noted)
    assert event.model_dump(exclude_none=True)["event_id"] == "v1" and noted == ["quantity"]
