"""Test which events of a request are published, and why the others are not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.codec import ENABLED_TYPES, decode
from schemas.collector import NEVER_PUBLIC, UNLESS_ALLOWED
from schemas.events import OrderCompleted
from schemas.ids import is_nobody
from schemas.money import Rates
from schemas.records import Record
from schemas.wire_time import epoch_ms, iso
from streamer.core.decode import decode_records
from streamer.core.policy import Policy
from streamer.web.api.tokens import Token
from streamer.web.collector import calls
from streamer.web.collector.judging import NOT_ALLOWED, judge

NOW = epoch_ms("2026-03-01T12:00:00Z")
SERVER = Token("backend", "", ("write",), "")
PAGE = Token("page", "", ("write",), "", ("https://shop.example",))
_FOLDER = Path(schemas.__file__ or "").parent / "examples" / "events"
SAMPLES = {path.stem: json.loads(path.read_bytes()) for path in _FOLDER.glob("*.json")}
VIEW = {"event_id": "v1", "type": "product.viewed", "customer_id": "ann", "occurred_at": "2026-03-01T11:59:00Z"}


def take(*events: dict[str, Any], token: Token = SERVER, **how: Any) -> Any:
    found = calls.events_of(json.dumps(list(events)).encode(), {})
    return judge(
        found, token, how.pop("policy", Policy(rates=Rates("EUR", {"GBP": 1.1}))), NOW, **{"largest": 32_768, **how}
    )


def published(judged: Any) -> list[dict[str, Any]]:
    return [json.loads(one.value) for one in judged.records]


def test_records_keep_the_order_of_the_request_and_carry_the_key() -> None:
    found = take(*({**VIEW, "event_id": f"v{n}", "customer_id": f"c{n % 3}"} for n in range(9)))
    assert [one.key for one in found.records] == [b"c%d" % (n % 3) for n in range(9)]
    assert [one["event_id"] for one in published(found)] == [f"v{n}" for n in range(9)]


def test_orders_of_guests_are_published_and_counted_apart() -> None:
    order = {
        **VIEW,
        "type": "order.completed",
        "order_id": "o",
        "total": "9.90",
        "currency": "EUR",
        "customer_id": None,
    }
    found = take({**order, "event_id": "1"}, {**order, "event_id": "2", "customer_id": "guest"}, VIEW)
    assert (len(found.records), found.guests, found.rejected) == (3, 2, [])
    for key, value, _ in found.records[:2]:
        event = decode(key, value, reading=Policy().reading)
        assert isinstance(event, OrderCompleted) and is_nobody(event.customer_id) and event.total == 9.9
    updated = {**order, "type": "order.updated", "event_id": "3"}
    assert [one.reason for one in take(updated).rejected] == ["nobody"]
    assert take(order, policy=Policy(strict=True)).rejected[0].reason == "invalid_field"
    assert take(order, token=PAGE).rejected[0].reason == NOT_ALLOWED


def test_orders_of_guests_spread_over_the_lanes_and_no_lane_forwards_them() -> None:
    policy = Policy(lanes=8, rates=Rates("EUR", {}))
    order = {"occurred_at": VIEW["occurred_at"], "type": "order.completed", "total": 5, "currency": "EUR"}
    sent = [{**order, "event_id": f"e{n}", "order_id": f"o{n}", "customer_id": None} for n in range(200)]
    back = {
        **order,
        "type": "order.refunded",
        "event_id": "r",
        "order_id": "o5",
        "refund_id": "r1",
        "customer_id": None,
    }
    named = [{**order, "event_id": f"n{n}", "order_id": f"n{n}", "customer_id": f"c{n}"} for n in range(20)]
    judged = take(*sent, back, *named, {**VIEW, "customer_id": "Jose\u0301"}, policy=policy)
    assert len(judged.records) == 222 and judged.guests == 201
    for at, (key, value, lane) in enumerate(judged.records):
        assert (key is None) == (at <= 200), value
        (decoded,) = decode_records(
            [Record(lane, at, 0, key, value)], lanes=8, local=(), max_event_bytes=32_768, reading=policy.reading
        )
        assert decoded.error is None and decoded.home is None, value
    by_lane = Counter(one.lane for one in judged.records[:200])
    assert len(by_lane) == 8 and max(by_lane.values()) <= 50
    again = take(*sent, policy=policy)
    assert [one.lane for one in again.records] == [one.lane for one in judged.records[:200]]


def test_what_is_published_is_read_by_lanes_as_the_same_event() -> None:
    event = {**VIEW, "price": 3.5, "currency": "EUR", "context": {"channel": "web"}}
    ((key, value, _),) = take(event).records
    assert decode(key, value) == decode(None, json.dumps(event).encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"occurred_at": "2026-03-01T13:00:00Z"}, "too_early"),
        ({"occurred_at": "2001-03-01T13:00:00Z"}, "too_late"),
        ({"occurred_at": "yesterday"}, "invalid_field"),
        ({"customer_id": None}, "invalid_field"),
        ({"customer_id": "undefined"}, "nobody"),
        ({"type": "product.veiwed"}, "unknown_type"),
        ({"type": "control.merge"}, "bad_control"),
        ({"type": "order.completed", "order_id": "o", "total": 1, "currency": "USD"}, "unknown_currency"),
        ({"query": "x" * 40_000}, "oversize"),
    ],
)
def test_rejections_have_their_place_their_id_and_their_reason(change: dict[str, Any], reason: str) -> None:
    found = take(VIEW, {**VIEW, "event_id": "bad", **change})
    assert len(found.records) == 1
    (one,) = found.rejected
    assert (one.index, one.event_id, one.reason) == (1, "bad", reason) and one.detail


def test_events_are_read_kindly_unless_the_shop_is_strict() -> None:
    odd = {**VIEW, "price": "3.50", "currency": "EUR", "customer_id": 17, "quantity": "many"}
    found = take(odd)
    assert published(found)[0] == {**VIEW, "customer_id": "17", "price": 3.5, "currency": "EUR"}
    assert found.noted == {"quantity": 1}
    assert take(odd, policy=Policy(strict=True)).rejected[0].reason == "invalid_field"


def test_a_write_key_sends_what_visitors_do_and_nothing_else() -> None:
    for type in ENABLED_TYPES:
        event = {**SAMPLES[type], "occurred_at": VIEW["occurred_at"]}
        event.pop("updated_at", None)
        private = type in NEVER_PUBLIC or type in UNLESS_ALLOWED
        found = take(event, token=PAGE)
        assert [one.reason for one in found.rejected] == ([NOT_ALLOWED] if private else []), type
        assert not take(event).rejected, type
        opened = take(event, token=Token("page", "", ("write",), "", PAGE.origins, tuple(UNLESS_ALLOWED)))
        assert bool(opened.rejected) == (type in NEVER_PUBLIC)


def test_a_path_takes_its_own_types_only() -> None:
    assert take(VIEW, only=frozenset(("message.outcome",))).rejected[0].reason == NOT_ALLOWED


def test_a_wrong_clock_of_a_device_is_taken_off() -> None:
    day = 86_400_000
    for wrong in (-400 * day, -day, day, 400 * day):
        at = iso(NOW - 60_000 + wrong)
        found = take({**VIEW, "occurred_at": at}, sent_ms=NOW + wrong, token=PAGE)
        assert published(found)[0]["occurred_at"] == VIEW["occurred_at"], wrong
    # An event that a device kept for an hour, sent with a right clock, keeps its time.
    kept = take({**VIEW, "occurred_at": "2026-03-01T11:00:00Z"}, sent_ms=NOW - 3_000, token=PAGE)
    assert published(kept)[0]["occurred_at"] == "2026-03-01T11:00:00Z"
