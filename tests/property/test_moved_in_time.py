"""Test that the time at which a shop lived does not matter: shifted by any number of days, events yield the same result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import isclose, isnan
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.features.features import FEATURES
from models.features.time import DAY_MS
from models.learning.learner import LearnerConfig
from schemas.wire_time import EARLIEST_MS, iso
from streamer.core.policy import Policy
from streamer.replay.replay import Replay
from streamer.sources.source import SourceEvent

_LAST_DAY = 32_872
"""1 January 2060."""
_NOW = (_LAST_DAY + 1_000) * DAY_MS
_FIRST_DAY = EARLIEST_MS // DAY_MS
_SPAN = 700
_KINDS = ("order.completed", "order.refunded", "product.viewed", "feedback.submitted", "message.outcome")


class _Given:
    """A source of given events."""

    content_hash = "0" * 64
    rows = None

    def __init__(self, events: list[tuple[int, str, int, int]], moved_ms: int) -> None:
        self.skipped: Counter[str] = Counter()
        self._events = events
        self._moved = moved_ms

    def events(self) -> Iterator[SourceEvent]:
        for number, (at, kind, who, size) in enumerate(sorted(self._events)):
            instant = at + self._moved
            body = {
                "event_id": f"e{number}",
                "type": kind,
                "customer_id": f"c{who}",
                "occurred_at": iso(instant),
                **_more(kind, number, size),
            }
            yield SourceEvent(instant, f"c{who}".encode(), json.dumps(body).encode())


def _more(kind: str, number: int, size: int) -> dict[str, object]:
    lines = [{"product_id": "p", "category": f"k{size % 3}", "price": size / 7, "quantity": 1 + size % 4}]
    more: dict[str, dict[str, object]] = {
        "order.completed": {"order_id": f"o{number}", "total": size / 3, "currency": "EUR", "products": lines},
        "order.refunded": {"refund_id": f"r{number}", "order_id": f"o{max(0, number - 1)}", "total": size / 9},
        "product.viewed": {"category": f"k{size % 3}"},
        "feedback.submitted": {"kind": "complaint", "rating": size % 10},
        "message.outcome": {"message_id": f"m{number}", "change_event_id": "x", "outcome": "opened"},
    }
    return more[kind]


EVENTS = st.lists(
    st.tuples(st.integers(0, _SPAN * DAY_MS), st.sampled_from(_KINDS), st.integers(0, 2), st.integers(1, 100_000)),
    min_size=1,
    max_size=25,
)


def _picture(events: list[tuple[int, str, int, int]], moved: int, policy: Policy, later: int) -> dict[str, Any]:
    run = Replay(policy, LearnerConfig(), _NOW)
    run.run(_Given(events, moved))
    found: dict[str, Any] = {"ledger": (run.state.ledger.applied, run.state.ledger.revenue_minor)}
    for id, customer in run.state.cache.customers.items():
        at = customer.as_of + later
        found[id] = (
            {name: one.value(customer, at, policy.shop) for name, one in FEATURES.items()},
            {name: (held.segment, held.since - moved) for name, held in customer.segments.items()},
            None if customer.due is None else customer.due - moved,
        )
    return found


@settings(max_examples=60, deadline=None)
@example([(0, "order.completed", 0, 9_000), (5 * DAY_MS, "order.completed", 0, 5)], _FIRST_DAY, 30_000, 5.0, 40)
@example([(0, "order.completed", 0, 9), (699 * DAY_MS, "order.completed", 0, 5)], _LAST_DAY - 700, 12_000, 5.0, 0)
@given(
    EVENTS,
    st.integers(_FIRST_DAY, _LAST_DAY - _SPAN),
    st.integers(_FIRST_DAY, _LAST_DAY - _SPAN),
    st.floats(5, 365),
    st.integers(0, 400),
)
def test_a_file_moved_by_any_number_of_days_gives_the_same_features(
    events: list[tuple[int, str, int, int]], first: int, other: int, half_life: float, later: int
) -> None:
    policy = replace(Policy(), half_life_days=half_life, label_backfill=False)
    pictures = [_picture(events, day * DAY_MS, policy, later * DAY_MS) for day in (first, other)]
    one, two = pictures
    assert one.keys() == two.keys() and one["ledger"] == two["ledger"]
    for id in one.keys() - {"ledger"}:
        (features, segments, due), (others, other_segments, other_due) = one[id], two[id]
        for name, value in features.items():
            assert isclose(value, others[name], rel_tol=1e-9, abs_tol=1e-9) or (isnan(value) and isnan(others[name])), (
                name
            )
        # The last bit of a sum may shift a due by a millisecond.
        assert (due is None) == (other_due is None) and abs((due or 0) - (other_due or 0)) <= 2
        assert segments.keys() == other_segments.keys()
        for name, (segment, since) in segments.items():
            assert segment == other_segments[name][0] and abs(since - other_segments[name][1]) <= 2
