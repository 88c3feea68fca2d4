"""Test how changes, customers and segments are displayed. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.customer.customer import Customer, Membership
from models.customer.profile import Profile
from models.features.time import DAY_MS
from models.messages import messages
from models.rules.declared import load
from models.rules.defaults import DEFAULTS
from models.rules.due import next_due
from schemas.wire_time import epoch_ms, iso
from streamer.commands.watch import line
from streamer.core.policy import Policy
from streamer.queries.customer import describe
from streamer.queries.deadletters import printable
from streamer.queries.reasons import number
from streamer.queries.segments import table

POLICY = Policy()
AT = epoch_ms("2026-01-10T12:00:00Z")

CHANGE: dict[str, Any] = {
    "changed_at": "2026-01-10T10:15:00Z",
    "customer_id": "17850",
    "segmentation": "lifecycle",
    "from": {"id": "at_risk", "name": "At risk"},
    "to": {"id": "active", "name": "Active"},
    "reasons": [{"feature": "recency_days", "before": 61.2, "after": 0.0, "border": 45.0}],
    "cause": "event",
    "automation_safe": True,
}


def test_a_change_is_one_line_with_its_reason() -> None:
    today = date(2026, 1, 10)
    assert line(CHANGE, ZoneInfo("UTC"), today) == (
        "10:15:00 17850 lifecycle At risk -> Active because recency_days 61.2 -> 0 (border 45) [event, safe]"
    )
    assert line(CHANGE, ZoneInfo("Europe/Berlin"), today).startswith("11:15:00 ")


def test_a_change_is_told_in_chinese() -> None:
    shown_text = line(
        {**CHANGE, "reasons": [{"feature": "value", "before": "low", "after": "high", "border": "high, top"}]},
        texts=messages("zh"),
    )
    assert shown_text == (
        "2026-01-10 10:15:00 17850 生命周期 有流失风险 -> 活跃客户，原因：价值 低 -> 较高（阈值 较高, 顶级） [事件，可自动触达]"
    ).replace("较高", "高")


def test_other_days_show_their_date() -> None:
    assert line(CHANGE, ZoneInfo("UTC"), date(2026, 1, 11)).startswith("2026-01-10 10:15:00 ")


def test_first_and_last_memberships_and_shares_are_readable() -> None:
    reasons = [{"feature": "clicks", "before": None, "after": 3.0, "border": None, "share": 0.805}]
    first = line({**CHANGE, "from": None, "reasons": reasons, "automation_safe": False, "cause": "backfill"})
    assert "(none) -> Active because clicks 3 (80%) [backfill]" in first
    assert "At risk -> (none) [" in line({**CHANGE, "to": None, "reasons": []})


def test_many_reasons_are_cut() -> None:
    reasons = [{"feature": f"f{at}", "before": 0.0, "after": 1.0, "border": None, "share": 0.1} for at in range(9)]
    shown_text = line({**CHANGE, "reasons": reasons})
    assert "f3 0 -> 1" in shown_text
    assert "f4" not in shown_text
    assert "and 5 more" in shown_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ("high", "high"), (0.0, "0"), (61.2, "61.2"), (0.12345, "0.123"), (12345.678, "12345.68")],
)
def test_numbers_are_short(value: float | str | None, text: str) -> None:
    assert number(value) == text


def bought_once() -> Customer:
    customer = Customer("17", (0, 0), AT)
    customer.statistics.orders, customer.statistics.spend = 1, 6_000
    customer.statistics.first_order = customer.statistics.last_order = AT
    customer.segments = {"value": Membership("low", AT), "lifecycle": Membership("new", AT)}
    customer.due = next_due(customer, AT, DEFAULTS, POLICY.shop)
    return customer


def test_a_customer_shows_since_when_and_where_time_takes_it() -> None:
    shown_text = describe(bought_once(), AT + DAY_MS, POLICY, None)
    assert shown_text["segments"]["lifecycle"] == {"id": "new", "name": "New", "since": iso(AT)}
    # Twice the usual gap of a first-time buyer, 45 days.
    assert shown_text["next_moves"] == {"lifecycle": {"to": "at_risk", "name": "At risk", "at": iso(AT + 90 * DAY_MS)}}
    assert shown_text["features"]["recency_days"] == 1.0
    json.dumps(shown_text, allow_nan=False)


def test_bands_show_how_far_the_next_border_is() -> None:
    shown_text = describe(bought_once(), AT, POLICY, None)["borders"]["value"]
    assert shown_text["up"] == {"to": "medium", "name": "Medium", "at": 50.0}
    assert shown_text["down"] is None


def test_a_customer_whom_guards_hold_outside_the_bands_is_shown() -> None:
    definitions = load(
        """
[size]
kind = "bands"
feature = "items"
new = { segment = "fresh", until = "orders >= 2" }
bands = [{ segment = "small" }, { segment = "large", from = 20 }]
segments = { fresh = {}, small = {}, large = {} }
""",
        2,
    )
    customer = bought_once()
    customer.definitions_version, customer.segments = 2, {"size": Membership("fresh", AT)}
    shown_text = describe(customer, AT, replace(POLICY, definitions=definitions), None)
    assert shown_text["segments"]["size"]["name"] == "Fresh"
    assert shown_text["borders"] == {}
    assert [way["to"] for way in shown_text["ways"]["size"]] == ["small"]


def test_a_customer_without_orders_has_no_recency() -> None:
    customer = Customer("17", (0, 0), AT)
    shown_text = describe(customer, 0, POLICY, None)
    assert shown_text["features"]["recency_days"] is None
    assert shown_text["now"] == iso(AT)
    json.dumps(shown_text, allow_nan=False)


def test_own_traits_are_shown_where_segments_depend_on_them() -> None:
    definitions = load(
        """
[fit]
kind = "bands"
feature = "custom.size"
bands = [{ segment = "small" }, { segment = "large", from = 40 }]
segments = { small = {}, large = {} }
[skin]
kind = "rules"
rules = [{ segment = "dry", when = "custom.skin is dry and custom.age > 30" }, { segment = "other" }]
segments = { dry = {}, other = {} }
""",
        2,
    )
    policy = replace(POLICY, definitions=definitions)
    customer = bought_once()
    customer.definitions_version = 2
    customer.segments = {"fit": Membership("small", AT), "skin": Membership("other", AT)}
    shown_text = describe(customer, AT, policy, None)
    assert (
        shown_text["features"]["custom.size"],
        shown_text["borders"]["fit"]["value"],
        shown_text["ways"]["fit"],
    ) == (None, None, [])
    json.dumps(shown_text, allow_nan=False)
    customer.profile = Profile()
    customer.profile.merge_traits({"custom": {"size": 38, "age": 31, "skin": "oily"}}, AT, b"e")
    shown_text = describe(customer, AT, policy, None)
    assert (shown_text["features"]["custom.size"], shown_text["features"]["custom.age"]) == (38.0, 31.0)
    assert shown_text["ways"]["fit"] == [
        {"to": "large", "name": "Large", "feature": "custom.size", "value": 38.0, "border": 40.0, "distance": 2.0}
    ]
    assert [(one["to"], one["feature"], one["border"]) for one in shown_text["ways"]["skin"]] == [
        ("dry", "custom.skin", "dry")
    ]


def test_names_are_in_the_language_in_force() -> None:
    policy = Policy(language="zh")
    shown_text = describe(bought_once(), AT, policy, None)
    assert shown_text["segments"]["lifecycle"]["name"] == "新客户"
    assert shown_text["borders"]["value"]["up"]["name"] == "中"
    listed = table(DEFAULTS, None, {}, messages("zh"))
    assert listed["value"]["segments"][0]["name"] == "低"
    assert "200 位买家" in listed["behaviour"]["note"]


def test_segments_show_sizes_and_why_there_are_no_clusters() -> None:
    shown_text = table(DEFAULTS, None, {"value": {"low": 7}})
    assert list(shown_text) == ["value", "lifecycle", "behaviour"]
    low = shown_text["value"]["segments"][0]
    assert (low["id"], low["size"]) == ("low", 7)
    assert all(segment["size"] == 0 for segment in shown_text["lifecycle"]["segments"])
    assert shown_text["behaviour"]["segments"] == []
    assert "200 buyers" in shown_text["behaviour"]["note"]


def test_bytes_of_strangers_do_a_terminal_no_harm() -> None:
    assert printable(b"\x1b]0;title\x07ok\n") == "\\u001b]0;title\\u0007ok\n"
    assert printable(b"\xff\xfe") == "\\xff\\xfe"
    assert printable(None) == "(null)"
