"""Test `streamer lanes` for lanes that wait, have stopped, or whose clock is ahead, in both languages."""

from __future__ import annotations

import pytest

from models.messages import Language, messages
from streamer.commands.lanes import _print
from streamer.queries.lanes import LaneStatus

LANES = [
    LaneStatus(0, 41, 7, 5, "w@host", 1_795_000_000_000, True),
    LaneStatus(1, 3, 1, 0, "", 0, False, "ZeroDivisionError", "skip it"),
]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "5 behind an open transaction",
                "AHEAD",
                "nobody",
                "lane 1 has stopped at offset 3",
                "the clock of lane 0",
            ),
        ),
        (
            "zh",
            (
                "5 条被未结束的事务阻塞",
                "超前",
                "所属 worker",
                "通道 1 停在偏移量 3：ZeroDivisionError；skip it",
                "通道 0 的时钟",
            ),
        ),
    ],
)
def test_each_lane_is_shown_in_the_language_in_force(
    language: Language, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _print(LANES, messages(language))
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []
