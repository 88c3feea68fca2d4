"""Test how often journeys are read: rarely if reading is slow, and separately for every period."""

from __future__ import annotations

from typing import Any, cast

from streamer.web.console.journeys import Journeys


class Slow:
    """A slow reader that counts its calls."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.asked: list[tuple[str, int]] = []
        self._seconds = seconds

    def clock(self) -> float:
        return self.now

    def journeys(self, segmentation: str, since: int) -> list[str]:
        self.asked.append((segmentation, since))
        self.now += self._seconds
        return [f"{segmentation} {len(self.asked)}"]


def test_an_answer_is_kept_for_fifty_times_what_it_took() -> None:
    slow = Slow(0.2)
    found = Journeys(slow.clock)
    reader: Any = cast("Any", slow)
    first: Any = found(reader, "lifecycle", 1)
    assert first == ["lifecycle 1"] and found(reader, "lifecycle", 1) is first
    slow.now += 9.9
    assert found(reader, "lifecycle", 1) is first
    slow.now += 0.2
    assert found(reader, "lifecycle", 1) != first


def test_each_period_has_its_own_and_old_ones_are_forgotten() -> None:
    slow = Slow(10)
    found = Journeys(slow.clock)
    reader = cast("Any", slow)
    for day in range(100):
        found(reader, "value", day)
    assert len(slow.asked) == 100
    found(reader, "value", 99)
    assert len(slow.asked) == 100
    found(reader, "value", 0)
    assert len(slow.asked) == 101


def test_what_takes_no_time_is_read_each_time() -> None:
    slow = Slow(0)
    found = Journeys(slow.clock)
    assert found(cast("Any", slow), "value", 1) != found(cast("Any", slow), "value", 1)
