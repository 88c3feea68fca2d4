"""Test that orders, corrections, refunds, cancellations and repeats yield the same customer in any arrival order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isclose
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.learning.learner import LearnerConfig
from schemas.wire_time import iso
from streamer.core.policy import Policy
from streamer.replay.replay import Replay
from streamer.sources.source import SourceEvent

T0 = 1_700_000_000_000
DAY = 86_400_000
NOW = T0 + 400 * DAY
POLICY = replace(Policy(), label_backfill=False)

Body = dict[str, Any]
ORDERS = st.integers(0, 3)
DAYS = st.integers(0, 40)
CENTS = st.integers(0, 5_000)


@st.composite
def happenings(draw: st.DrawFn) -> list[Body]:
    """Draw events about four orders, each order completed at one instant."""
    placed = [draw(DAYS) for _ in range(4)]
    found: list[Body] = []
    for number in range(draw(st.integers(1, 12))):
        order = draw(ORDERS)
        kind = draw(st.sampled_from(("completed", "completed", "updated", "refund", "cancel", "repeat")))
        body: Body = {"event_id": f"e{number}", "customer_id": "ann", "order_id": f"o{order}", "currency": "EUR"}
        if kind == "repeat" and found:
            found.append(dict(draw(st.sampled_from(found))))
            continue
        at = placed[order]
        if kind == "updated":
            at += draw(DAYS)
        body["occurred_at"] = iso(T0 + at * DAY)
        if kind in ("completed", "updated", "repeat"):
            body["type"] = "order.updated" if kind == "updated" else "order.completed"
            body["total"] = draw(CENTS) / 100
            body["products"] = [{"product_id": "p", "category": draw(st.sampled_from("ab")), "price": 5, "quantity": 2}]
            if draw(st.booleans()):
                body["updated_at"] = iso(T0 + (at + draw(DAYS)) * DAY)
        else:
            body["type"] = "order.refunded" if kind == "refund" else "order.cancelled"
            body["refund_id"] = f"r{draw(st.integers(0, 1))}"
            body["occurred_at"] = iso(T0 + (at + draw(DAYS)) * DAY)
            if kind == "refund":
                body["total"] = draw(CENTS) / 100
        found.append(body)
    return found


class _Given:
    """A source of events in a given arrival order."""

    content_hash = "0" * 64
    rows = None

    def __init__(self, events: Sequence[Body]) -> None:
        self.skipped: Counter[str] = Counter()
        self._events = events

    def events(self) -> Iterator[SourceEvent]:
        for body in self._events:
            yield SourceEvent(T0, b"ann", json.dumps(body).encode())


def _picture(events: Sequence[Body]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    run = Replay(POLICY, LearnerConfig(), NOW)
    run.run(_Given(events))
    ledger, ann = run.state.ledger, run.state.cache.get("ann")
    assert ann is not None and not ledger.dead_letters
    book = [
        (order.at, order.name, order.money, order.items, order.taken_money, order.cancelled, order.categories)
        for order in ann.book.orders
    ]
    exact = (
        *(
            ann.statistics.orders,
            ann.statistics.spend,
            ann.statistics.items,
            ann.statistics.discounted,
            ann.statistics.first_order,
            ann.statistics.last_order,
            book,
        ),
        *(ledger.orders, ledger.reversals, ledger.revenue_minor),
    )
    return exact, (ann.statistics.spend_weight, ann.statistics.order_weight)


@settings(max_examples=300, deadline=None)
@given(happenings(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same(events: list[Body], random: Any) -> None:
    exact, decayed = _picture(events)
    shuffled = list(events)
    random.shuffle(shuffled)
    other, other_decayed = _picture(shuffled)
    assert other == exact
    assert all(isclose(one, two, rel_tol=1e-9, abs_tol=1e-9) for one, two in zip(decayed, other_decayed, strict=True))
