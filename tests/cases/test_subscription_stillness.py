"""Check 300 subscribers who each pay 9.90 every 30 days: once they have a segment, none moves or is predicted to leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from field_cases import CASES

from models.learning.learner import LearnerConfig
from streamer.core.decision import Change
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.replay.replay import Replay
from streamer.sources.jsonl import JsonLines


def ms(month: int, day: int) -> int:
    return int(datetime(2024, month, day, tzinfo=UTC).timestamp() * 1_000)


def test_between_two_payments_on_time_nobody_moves() -> None:
    moves: list[Change] = []

    def note(changes: Sequence[Change], state: LaneState) -> None:
        moves.extend(change for change in changes if change.segmentation == "behaviour")

    policy = replace(Policy(), label_backfill=False)
    replay = Replay(policy, LearnerConfig(), now_ms=ms(10, 1), on_changes=note)
    replay.run(JsonLines(CASES / "subscription-stillness" / "input.jsonl.gz"), until=ms(9, 15))
    # Everybody must have a segment, or the rest proves nothing.
    assert Counter(move.customer_id for move in moves).keys() == {f"s{number}" for number in range(300)}
    assert sum(ms(4, 15) <= move.changed_at < ms(7, 29) for move in moves) <= 2
    assert not {move.after for move in moves} & {"at_risk", "hibernating", "fading"}
