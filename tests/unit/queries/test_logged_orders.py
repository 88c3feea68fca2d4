"""Test customers' activity read from the log: control records skipped, ids joined, erased customers left out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from models.behaviour.bucket import B_ORDERS
from schemas.control import CONTROL_HEADER
from schemas.errors import UserError
from schemas.records import Headers, Record
from streamer.config.settings import Settings
from streamer.queries.logged_orders import activity_of

POLICY = Settings().policy(lanes=1)
NAMES = {"ce_specversion": "1.0", "ce_type": "identity.linked", "ce_id": "l2", "ce_source": "/shop"}


def event(type: str, customer: str, day: int, **more: Any) -> dict[str, Any]:
    at = f"2026-01-{day:02}T10:00:00Z"
    return {"schema_version": 1, "type": type, "event_id": f"{type}-{customer}-{day}", "occurred_at": at} | (
        {"customer_id": customer} | more
    )


def order(customer: str, day: int) -> dict[str, Any]:
    return event("order.completed", customer, day, order_id=f"o-{customer}-{day}", currency="EUR", total=10.0)


def logged(*bodies: dict[str, Any] | bytes | None, headers: Headers = ()) -> list[Record]:
    found = []
    for at, body in enumerate(bodies):
        value = json.dumps(body).encode() if isinstance(body, dict) else body
        key = (body.get("anonymous_id") or body["customer_id"]).encode() if isinstance(body, dict) else b"x"
        found.append(Record(0, at, at, key, value, headers))
    return found


def days(records: list[Record]) -> dict[str, list[int]]:
    """Return order-days of January by customer."""
    activity = activity_of(lambda: iter(records), POLICY)
    bought = activity.buckets[:, B_ORDERS] > 0
    first = activity.first_day - int(np.datetime64("2026-01-01").astype(int)) + 1
    return {
        name: sorted((activity.day[bought & (activity.customer == at)] + first).tolist())
        for at, name in enumerate(activity.customers)
    }


def test_orders_are_read_and_all_else_is_skipped() -> None:
    control = [Record(0, 9, 9, None, json.dumps(order("c", 3)).encode(), [(CONTROL_HEADER, b"1")])]
    records = [*logged(order("a", 1), b"no json", None, order("b", 2), order("a", 5), order("a", 5)), *control]
    assert days(records) == {"a": [1, 5], "b": [2]}


def test_joined_ids_are_one_customer_through_chains_and_circles() -> None:
    link = event("identity.linked", "a", 4, anonymous_id="visit-7")
    chain = event("identity.linked", "visit-7", 5, anonymous_id="cookie")
    back = event("identity.linked", "cookie", 6, anonymous_id="a")
    records = logged(order("visit-7", 1), order("a", 2), order("cookie", 3), link, chain)
    assert days(records) == {"a": [1, 2, 3]}
    [(_, found)] = days([*records, *logged(back)]).items()
    assert found == [1, 2, 3]


def test_erased_customers_are_left_out_with_all_their_ids() -> None:
    link = event("identity.linked", "a", 4, anonymous_id="visit-7")
    records = logged(order("visit-7", 1), order("a", 2), order("b", 3), link, event("customer.erased", "a", 5))
    assert days(records) == {"b": [3]}
    with pytest.raises(UserError, match="no usable event"):
        days(logged(order("a", 1), event("customer.erased", "a", 5)))


def test_a_record_without_a_value_erases_the_customer_of_its_key() -> None:
    erase = Record(0, 9, 9, b"a", None, ())
    assert days([*logged(order("a", 1), order("b", 3)), erase]) == {"b": [3]}


def test_ids_are_joined_by_segments_name_too() -> None:
    alias = {
        "type": "alias",
        "previousId": "visit-7",
        "userId": "a",
        "messageId": "m",
        "timestamp": "2026-01-04T10:00:00Z",
    }
    link = Record(0, 9, 9, b"visit-7", json.dumps(alias).encode(), ())
    assert days([*logged(order("visit-7", 1), order("a", 2)), link]) == {"a": [1, 2]}


def test_orders_are_taken_and_refused_as_a_lane_does() -> None:
    kindly, foreign, nobody = order("a", 1) | {"total": "10.00"}, order("a", 2) | {"currency": "XTS"}, order("guest", 3)
    assert days(logged(kindly, foreign, nobody, order("b", 4))) == {"a": [1], "b": [4]}


def test_a_cloud_event_is_read_as_a_lane_reads_it() -> None:
    body = order("a", 1)
    outside = {"ce_specversion": "1.0", "ce_type": body.pop("type"), "ce_id": body.pop("event_id"), "ce_source": "/s"}
    outside |= {"ce_time": body.pop("occurred_at")}
    headers = [(name, text.encode()) for name, text in outside.items()]
    assert days([*logged(body, headers=headers), *logged(order("a", 2))]) == {"a": [1, 2]}
