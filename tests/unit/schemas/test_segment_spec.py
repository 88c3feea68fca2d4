from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import ENABLED_TYPES, decode
from schemas.deadletters import REASONS
from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES, OrderCompleted, OrderReversed
from schemas.segment_spec import ALIASES, TAGS, translate

CALL: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "ajs-1",
    "userId": "97980cfea0067",
    "anonymousId": "507f191e",
    "timestamp": "2025-02-23T22:28:55.111Z",
    "sentAt": "2025-02-23T22:28:55.387Z",
    "receivedAt": "2025-02-23T22:28:56Z",
    "channel": "browser",
    "version": "1.1",
    "integrations": {"All": True},
    "context": {
        "active": True,
        "campaign": {"name": "spring", "source": "mail"},
        "device": {"id": "B5", "type": "ios"},
        "ip": "8.8.8.8",
        "locale": "en-US",
        "page": {"url": "https://shop.example/thanks"},
    },
    "properties": {
        "checkout_id": "fksdjfsdjfisjf9sdfjsd9f",
        "order_id": "50314b8e9bcf000000000000",
        "affiliation": "Online Store",
        "total": 27.5,
        "subtotal": 22.5,
        "revenue": 25.0,
        "shipping": 3,
        "tax": 2,
        "discount": 2.5,
        "coupon": "hasbros",
        "currency": "USD",
        "products": [
            {"product_id": "507f1f77", "sku": "45790-32", "name": "Monopoly", "price": 19, "quantity": 1},
            {"sku": "46493-32", "name": "Uno", "price": 3, "quantity": 2, "category": "Games", "url": "https://x"},
        ],
    },
}


def call(event: str = "Order Completed", drop: tuple[str, ...] = (), **properties: Any) -> bytes:
    kept = {name: value for name, value in CALL["properties"].items() if name not in drop}
    return json.dumps({**CALL, "event": event, "properties": {**kept, **properties}}).encode()


def translated(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(translate(json.dumps(fields).encode()))
    return found


def test_a_track_call_is_the_event_it_names() -> None:
    event = decode(b"97980cfea0067", call())
    assert isinstance(event, OrderCompleted)
    assert (event.event_id, event.customer_id, event.occurred_at) == ("ajs-1", "97980cfea0067", 1_740_349_735_111)
    assert (event.total, event.currency, event.discount, event.shipping, event.coupon) == (
        27.5,
        "USD",
        2.5,
        3,
        "hasbros",
    )
    assert [line["product_id"] for line in event.products] == ["507f1f77", "46493-32"]
    assert event.context == {"channel": "browser", "device": "ios", "locale": "en-US", "campaign": "spring"}
    assert event.sent_at == 1_740_349_735_387


def test_the_name_alone_is_an_alias_of_the_type() -> None:
    body = {
        "type": "Order Completed",
        "event_id": "e",
        "customer_id": "ann",
        "occurred_at": "2025-03-01T00:00:00Z",
        "order_id": "o",
        "total": 5.0,
        "currency": "EUR",
    }
    assert decode(b"ann", json.dumps(body).encode()) == decode(
        b"ann", json.dumps({**body, "type": "order.completed"}).encode()
    )
    headers = [("ce_type", b"Order Completed"), ("ce_id", b"e2")]
    event = decode(b"ann", json.dumps({**body, "type": "x"}).encode(), headers)
    assert (event.type, event.event_id) == ("order.completed", "e2")
    assert decode(None, call(), headers[1:]).event_id == "e2", "a CloudEvents header wins over messageId too"


def test_without_a_user_the_anonymous_id_is_the_customer() -> None:
    value = json.dumps({name: text for name, text in CALL.items() if name != "userId"}).encode()
    assert decode(b"507f191e", value).customer_id == "507f191e"
    with pytest.raises(InvalidEvent, match="key_mismatch"):
        decode(b"507f191e", call())


def test_an_order_without_total_counts_its_revenue() -> None:
    event = decode(None, call(drop=("total",)))
    assert isinstance(event, OrderCompleted) and event.total == 25.0


@pytest.mark.parametrize(
    ("event", "drop", "total", "lines"),
    [
        ("Order Refunded", (), 27.5, 2),
        ("Order Refunded", ("total",), 25.0, 2),
        ("Order Refunded", ("total", "products"), None, 0),
        ("Order Cancelled", (), None, 0),
        ("Order Cancelled", ("order_id",), 27.5, 2),
    ],
)
def test_reversals(event: str, drop: tuple[str, ...], total: float | None, lines: int) -> None:
    found = decode(None, call(event, drop))
    assert isinstance(found, OrderReversed)
    assert (found.refund_id, found.total, len(found.products)) == ("ajs-1", total, lines)
    assert found.type == event.lower().replace(" ", ".")


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_each_name_becomes_a_type_of_ours(name: str) -> None:
    assert ALIASES[name] in EVENT_TYPES
    more: dict[str, Any] = {"review_id": "r", "rating": "4"} if name == "Product Reviewed" else {}
    body = {**CALL, "type": "track", "event": name, "traits": {}, "previousId": "507f191e"}
    body["properties"] = {**CALL["properties"], **more}
    value = json.dumps(body).encode()
    if ALIASES[name] in ENABLED_TYPES:
        assert decode(None, value).type == ALIASES[name]
    else:
        with pytest.raises(InvalidEvent, match="unknown_type"):
            decode(None, value)


def test_a_page_call_has_its_address() -> None:
    body = translated(type="page", messageId="m", userId="u", timestamp="t", context=CALL["context"], properties={})
    assert (body["type"], body["url"]) == ("page.viewed", "https://shop.example/thanks")
    assert translated(type="page", properties={"url": "https://shop.example/a"})["url"] == "https://shop.example/a"
    assert translated(type="track", event="Products Searched", properties={"query": "blue"})["query"] == "blue"
    assert translated(type="track", event="Product Viewed", properties={"sku": "G-32"})["product_id"] == "G-32"


def test_an_identify_call_has_traits() -> None:
    traits = {
        "email": "ann@example.org",
        "gender": "female",
        "birthday": "1984-05-01T00:00:00Z",
        "createdAt": "2013-07-22T00:00:00Z",
        "address": {"city": "San Francisco", "country": "USA"},
    }
    body = translated(type="identify", messageId="m", userId="ann", timestamp="t", traits=traits)
    assert (body["type"], body["customer_id"]) == ("profile.updated", "ann")
    found = {name: body["traits"][name] for name in ("birth_year", "gender", "signup_at", "city", "country")}
    assert found == {
        "birth_year": 1984,
        "gender": "female",
        "signup_at": "2013-07-22T00:00:00Z",
        "city": "San Francisco",
        "country": "USA",
    }


def test_an_alias_call_links_two_ids() -> None:
    body = translated(type="alias", previousId="jen@email.com", userId="507f191e", messageId="m", timestamp="t")
    assert (body["type"], body["anonymous_id"], body["customer_id"]) == ("identity.linked", "jen@email.com", "507f191e")


@pytest.mark.parametrize("event", ["Coupon Applied", "control.clock", None, 5, {"a": 1}, "track"])
def test_other_names_are_unknown(event: object) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(None, json.dumps({**CALL, "event": event}).encode())
    assert refused.value.reason in ("unknown_type", "bad_control")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["properties", "context", "traits", "userId", "timestamp", "event", "channel"])
PROPERTIES = st.sampled_from(["products", "total", "order_id", "rating", "address", "price", "quantity", "type"])


@given(
    st.sampled_from(sorted(TAGS)),
    st.sampled_from(sorted(ALIASES)),
    st.dictionaries(FIELDS, JSON, max_size=3),
    st.dictionaries(PROPERTIES, JSON, max_size=4),
    st.lists(st.dictionaries(PROPERTIES, JSON, max_size=3), max_size=3),
)
def test_any_call_gives_an_event_or_a_reason(
    tag: str, name: str, fields: dict[str, Any], properties: dict[str, Any], lines: list[Any]
) -> None:
    body = {**CALL, "type": tag, "event": name, "properties": {"products": lines, **properties}, **fields}
    try:
        decode(None, json.dumps(body).encode())
    except InvalidEvent as refused:
        assert refused.reason in REASONS
