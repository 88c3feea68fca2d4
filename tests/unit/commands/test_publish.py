"""Test that ``publish`` rejects, in words, what workers would dead-letter; none of this needs a broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Run

from schemas.errors import UserError
from schemas.money import Rates
from schemas.wire_time import epoch_ms
from streamer.commands.publish import check
from streamer.core.policy import Policy

NOW = epoch_ms("2026-01-10T12:00:00Z")
POLICY = Policy(lanes=1, rates=Rates("EUR", {"USD": 0.9}))
EVENT: dict[str, Any] = {
    "event_id": "e1",
    "type": "order.completed",
    "customer_id": "17",
    "occurred_at": "2026-01-10T11:00:00Z",
    "order_id": "o1",
    "total": 59.9,
    "currency": "EUR",
}


def body(**changed: Any) -> bytes:
    return json.dumps({**EVENT, **changed}).encode()


def test_good_events_pass() -> None:
    assert check(body(), POLICY, NOW).customer_id == "17"
    assert check(body(currency="USD"), POLICY, NOW).partition_id() == "17"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"customer_id": " a"}, "customer_id"),
        ({"total": "much"}, "total"),
        ({"total": None}, "total"),
        ({"occurred_at": "2026-01-10T11:00:00"}, "occurred_at"),
        ({"type": "order.exploded"}, "type"),
        ({"type": "profile.updated"}, "traits"),
        ({"currency": "SEK"}, "no rate for SEK"),
        ({"occurred_at": "9999-01-01T00:00:00Z"}, "too_early"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "too_late"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "bad_date"),
        ({"note": "x" * 300_000}, "the limit is 262,144 bytes"),
        ({"note": "x" * 2_000_000}, "is 1,048,576 bytes"),
    ],
)
def test_bad_events_are_refused_with_what_is_wrong_and_the_mend(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as refused:
        check(body(**changed), POLICY, NOW)
    assert problem in refused.value.message
    assert refused.value.hint


def test_what_is_no_json_is_refused_as_such() -> None:
    with pytest.raises(UserError, match="not UTF-8 JSON"):
        check(b"nonsense", POLICY, NOW)


def test_wrong_flags_are_refused_before_any_connection(run: Run) -> None:
    # No server is set, so a message about the field means that the field was checked first.
    result = run("publish", "order", "--customer", " a", "--total", "5")
    assert result.exit_code == 1
    assert "customer_id" in result.stderr
    result = run("publish", "refund", "--customer", "17")
    assert "total" in result.stderr
    assert run("publish", "order", "--customer", "17", "--total", "5", "--product", "A,b").exit_code == 2


def test_amounts_without_a_currency_are_in_the_shops(run: Run) -> None:
    result = run("publish", "view", "--customer", "17", "--price", "5", env={"STREAMER_CURRENCY": "JPY"})
    # The event is valid; only the servers are missing.
    assert "streamer up" in result.stderr
    result = run("publish", "view", "--customer", "17", "--price", "5", "--currency", "JPY")
    assert "no rate for JPY" in result.stderr


def test_the_published_examples_pass(run: Run) -> None:
    folder = Path(__file__).parents[3] / "schemas" / "examples" / "events"
    for name in ("order.completed", "order.refunded", "order.cancelled", "product.viewed"):
        example = json.loads((folder / f"{name}.json").read_text())
        at = epoch_ms(example["occurred_at"])
        check(json.dumps(example).encode(), Policy(rates=Rates(example.get("currency", "EUR"))), at)
