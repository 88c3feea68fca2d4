from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pytest

from models.features.time import DAY_MS
from models.learning.learner import LearnerConfig
from schemas.changes import encode_change
from schemas.wire_time import epoch_ms, iso
from streamer.adapters.redis_reader import totals
from streamer.core.decision import Change
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.imports.result import Result, result_of
from streamer.lanes.encode import wire_changes
from streamer.replay.replay import Replay
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.source import Source, SourceEvent

NOW = 1_760_000_000_000
POLICY = Policy(label_backfill=False)
NO_CLUSTERS = LearnerConfig(min_buyers=10**9)


class Events:
    """A source of given orders: customer, instant (ms)."""

    content_hash = "0" * 64
    rows = None

    def __init__(self, orders: Iterable[tuple[str, int]]) -> None:
        self.skipped: Counter[str] = Counter()
        self._orders = list(orders)

    def events(self) -> Iterator[SourceEvent]:
        for number, (customer, at) in enumerate(self._orders):
            event = {
                "event_id": f"e{number}",
                "type": "order.completed",
                "customer_id": customer,
                "occurred_at": iso(at),
                "order_id": f"o{number}",
                "total": 120.0,
                "currency": "EUR",
            }
            yield SourceEvent(at, customer.encode(), json.dumps(event).encode())


def run(
    source: Source, policy: Policy = POLICY, learner: LearnerConfig | None = None, until: int | None = None
) -> tuple[Replay, list[bytes]]:
    """Return a replay that has run, and its changes as they would be published."""
    lines: list[bytes] = []

    def on_changes(changes: Sequence[Change], state: LaneState) -> None:
        lines.extend(encode_change(change, NOW) for change in wire_changes(changes, state, policy))

    replay = Replay(policy, learner or LearnerConfig(), NOW, on_changes=on_changes)
    replay.run(source, until)
    return replay, lines


def figures(replay: Replay, source: Source) -> Result:
    return result_of(totals([]), totals([replay.state.ledger]), source, 1.0)


def shop() -> Shop:
    return Shop(ShopConfig(customers=450, days=110, start=NOW - 120 * DAY_MS, late=0.02, duplicates=0.02, broken=0.002))


def test_a_replay_is_a_function_of_the_file() -> None:
    source = shop()
    (one, first), (two, second) = run(source), run(source)
    assert first == second
    assert one.state.ledger.timeline, "the owner published nothing, so this shows little"
    assert {json.loads(line)["segmentation"] for line in first} == {"lifecycle", "value", "behaviour"}
    assert figures(one, source) == figures(two, source)


def test_changes_follow_upon_each_other_and_nothing_is_unaccounted_for() -> None:
    source = shop()
    replay, lines = run(source)
    held: dict[tuple[str, str], str | None] = {}
    seqs: Counter[str] = Counter()
    for line in lines:
        change = json.loads(line)
        customer, where = change["customer_id"], (change["customer_id"], change["segmentation"])
        seqs[customer] += 1
        assert change["seq"] == seqs[customer]
        assert (change["from"] or {}).get("id") == held.get(where)
        held[where] = change["to"]["id"]
    shown = {(id, name): m.segment for id, c in replay.state.cache.customers.items() for name, m in c.segments.items()}
    assert held == shown
    result = figures(replay, source)
    assert result.unaccounted == 0
    assert result.duplicates and result.dead_letters and result.late


def test_no_change_is_called_backfill() -> None:
    _, lines = run(shop(), learner=NO_CLUSTERS)
    assert {json.loads(line)["cause"] for line in lines} == {"event", "late", "time"}


def test_a_model_learned_on_the_way_does_not_carry_time_beyond_the_data() -> None:
    replay, lines = run(shop())
    last = max(json.loads(line)["changed_at"] for line in lines)
    assert replay.state.ledger.timeline
    assert epoch_ms(last) <= replay.clock < NOW - 5 * DAY_MS


def test_without_until_time_stands_at_the_last_event() -> None:
    replay, lines = run(Events([("a", NOW - 300 * DAY_MS), ("b", NOW - 100 * DAY_MS)]))
    assert replay.clock == NOW - 100 * DAY_MS
    a = {c["segmentation"]: c["to"]["id"] for c in map(json.loads, lines) if c["customer_id"] == "a"}
    # 200 days of inactivity passed for the first customer while the second arrived.
    assert a == {"lifecycle": "hibernating", "value": "low"}


def test_until_lets_time_pass_also_beyond_the_present() -> None:
    source = Events([("a", NOW - 20 * DAY_MS)])
    replay, lines = run(source, until=NOW + 400 * DAY_MS)
    assert replay.clock == NOW + 400 * DAY_MS
    changes = [json.loads(line) for line in lines]
    assert [(c["to"]["id"], c["cause"]) for c in changes if c["segmentation"] == "lifecycle"] == [
        ("new", "event"),
        ("at_risk", "time"),
        ("hibernating", "time"),
        ("lost", "time"),
    ]
    assert [c["changed_at"] for c in changes] == sorted(c["changed_at"] for c in changes)


def test_until_before_the_last_event_changes_nothing() -> None:
    source = Events([("a", NOW - 20 * DAY_MS)])
    assert run(source, until=NOW - 500 * DAY_MS)[1] == run(source)[1]


def test_a_replay_has_one_lane() -> None:
    with pytest.raises(ValueError, match="one lane"):
        Replay(Policy(lanes=2), LearnerConfig(), NOW)


def test_the_result_has_the_keys_that_scripts_read() -> None:
    source = Events([("a", NOW - 20 * DAY_MS)])
    replay, _ = run(source)
    result = figures(replay, source).to_dict()
    assert list(result) == [
        "rows",
        "records",
        "applied",
        "duplicates",
        "late",
        "dead_letters",
        "rerouted",
        "control",
        "skipped",
        "customers",
        "orders",
        "reversals",
        "revenue_minor",
        "changes",
        "segments",
        "seconds",
        "records_per_second",
        "guests",
    ]
    assert result["revenue_minor"] == 12_000
    assert result["segments"] == {"lifecycle": {"new": 1}, "value": {"medium": 1}}
