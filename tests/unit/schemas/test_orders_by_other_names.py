"""Test orders with other field names: read as meant or rejected with the right name, never a part as the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.kindly import Reading

ORDER = {
    "type": "order.completed",
    "event_id": "e",
    "customer_id": "c",
    "occurred_at": "2024-03-02T10:00:00Z",
    "order_id": "o",
    "total": 10,
    "currency": "EUR",
}
REFUND = {**ORDER, "type": "order.refunded", "refund_id": "r"}
AT = 1_709_373_600_000


def read(body: dict[str, Any], **changed: Any) -> Any:
    body = {name: value for name, value in {**body, **changed}.items() if value is not ...}
    return decode(None, json.dumps(body).encode(), reading=Reading())


@pytest.mark.parametrize("name", ["amount", "value", "revenue"])
def test_a_part_that_is_given_back_under_another_name_is_not_the_whole_order(name: str) -> None:
    refund = read(REFUND, total=..., **{name: "4.50"})
    assert (refund.type, refund.order_id, refund.total) == ("order.refunded", "o", 4.5)
    with pytest.raises(InvalidEvent, match="total: must be a number; amounts"):
        decode(None, json.dumps({**{key: REFUND[key] for key in REFUND if key != "total"}, name: 4.5}).encode())
    with pytest.raises(InvalidEvent, match="total"):
        read(REFUND, total=..., **{name: "some"})


def test_a_refund_that_names_an_order_and_no_amount_is_the_whole_order() -> None:
    assert read(REFUND, total=...).total is None


@pytest.mark.parametrize(
    "fields",
    [{"customerId": "x"}, {"customer": {"id": "x"}}, {"user": {"id": "x"}}, {"customer": "x"}, {"userId": "x"}],
)
def test_a_customer_under_another_name_is_no_guest(fields: dict[str, Any]) -> None:
    assert read(ORDER, customer_id=..., **fields).customer_id == "x"


@pytest.mark.parametrize(
    ("updated_at", "seen"),
    [("2024-03-02T10:00:00", AT), (AT, AT), (AT // 1000, AT), ("soon", None)],
)
def test_the_time_of_a_correction_is_read_as_that_of_an_order(updated_at: Any, seen: int | None) -> None:
    assert read(ORDER, type="order.updated", updated_at=updated_at).updated_at == seen


def test_an_empty_currency_is_the_shops() -> None:
    assert read(ORDER, currency="").currency == "EUR"


@pytest.mark.parametrize("type", ["Order Placed", "order.paid", "purchase"])
@pytest.mark.parametrize(
    "properties",
    [
        {"order_id": "1", "total": 5},
        {"orderNumber": 1, "totalPrice": "5"},
        {"transaction_id": "t", "value": 5.5},
        {"Order ID": "1", "Grand Total": 5},
    ],
)
def test_an_order_in_disguise_is_no_event_of_ones_own(type: str, properties: dict[str, Any]) -> None:
    call = {"type": "track", "event": type, "messageId": "m", "userId": "c", "timestamp": "2024-03-02T10:00:00Z"}
    with pytest.raises(InvalidEvent, match=r"did you mean order\.completed\?") as refused:
        read({**call, "properties": properties})
    assert refused.value.reason == "unknown_type"
    assert read({**call, "properties": {"plan": "pro", "value": 5}}).name == type


def test_a_bare_order_of_another_type_asks_what_was_meant() -> None:
    with pytest.raises(InvalidEvent, match=r"did you mean order\.completed\?"):
        read(ORDER, type="order.paid")
