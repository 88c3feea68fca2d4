"""Test undoing a file: its orders are cancelled in memory, and everything is as if they had never existed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from models.learning.learner import LearnerConfig
from streamer.core.policy import Policy
from streamer.replay.replay import Replay
from streamer.sources.jsonl import JsonLines
from streamer.sources.undone import NO_ORDER, Undone

NOW = 1_735_689_600_000
POLICY = replace(Policy(), label_backfill=False)


def _file(path: Path) -> JsonLines:
    def body(id: str, kind: str, **more: object) -> str:
        return json.dumps({"event_id": id, "type": kind, "customer_id": "ada", **more})

    path.write_text(
        "\n".join(
            [
                body(
                    "1", "order.completed", order_id="o1", total=10, currency="EUR", occurred_at="2024-01-05T10:00:00Z"
                ),
                body("2", "order.refunded", order_id="o1", refund_id="r", total=4, occurred_at="2024-01-06T10:00:00Z"),
                body("3", "product.viewed", product_id="p", occurred_at="2024-01-07T10:00:00Z"),
                "no event",
                body(
                    "5", "order.completed", order_id="o2", total=7, currency="EUR", occurred_at="2024-01-08T10:00:00Z"
                ),
            ]
        )
        + "\n"
    )
    return JsonLines(path)


def test_the_money_of_a_file_goes_and_nothing_else(tmp_path: Path) -> None:
    source, run = _file(tmp_path / "wrong.jsonl"), Replay(POLICY, LearnerConfig(), NOW)
    run.run(source)
    assert (run.state.ledger.revenue_minor, run.state.cache.customers["ada"].statistics.orders) == (1_300, 2)
    undone = Undone(source)
    for _ in range(2):
        run.run(undone)
        customer = run.state.cache.customers["ada"]
        assert (run.state.ledger.revenue_minor, customer.statistics.orders, customer.statistics.spend) == (0, 0, 0)
    assert sum(customer.statistics.interactions) == 1
    assert undone.skipped == {NO_ORDER: 3} and undone.rows == 5


def test_it_is_another_content_than_the_file(tmp_path: Path) -> None:
    source = _file(tmp_path / "wrong.jsonl")
    assert Undone(source).content_hash == Undone(source).content_hash != source.content_hash
    assert [line for line, _ in Undone(source).numbered()] == [1, 5]
