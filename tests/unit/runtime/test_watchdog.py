"""Test when a process counts as stuck, and what is stored of its last error."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest

from streamer.adapters.kafka import KafkaConnection, Offsets
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.policy import Policy
from streamer.lanes.context import LaneContext
from streamer.lanes.lane import Lane
from streamer.lanes.pool import Pool
from streamer.runtime import last_error, supervise, watchdog
from streamer.runtime.app import Wiring
from streamer.runtime.lane_worker import LaneWorker
from streamer.runtime.watchdog import Watchdog


class Time:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(watchdog, "time", made)
    return made


def test_who_gets_nowhere_with_work_is_idle_and_nobody_else(clock: Time) -> None:
    dog = Watchdog(60)
    assert dog.idle_seconds({0: 5, 1: 5, 2: 9, 3: 5}, {0: 9, 1: 9, 2: 9}, {1}) == {}
    clock.now += 40
    assert dog.idle_seconds({0: 5, 1: 5, 2: 9, 3: 5}, {0: 9, 1: 9, 2: 9}, {1}) == {0: 40.0}
    assert dog.is_suspect(40.0) and not dog.is_stuck(40.0)
    clock.now += 20
    assert dog.idle_seconds({0: 5, 1: 5, 2: 9}, {0: 9, 1: 9, 2: 12}, set()) == {0: 60.0, 1: 20.0, 2: 20.0}
    assert dog.is_stuck(60.0)
    dog.progressed(0)
    clock.now += 1
    assert dog.idle_seconds({0: 5, 1: 6}, {0: 9, 1: 9}, set()) == {0: 1.0}
    assert dog.idle_seconds({}, {}, set()) == {}
    assert dog.idle_seconds({0: 5}, {0: 9}, set()) == {}, "another worker had it meanwhile"


class FakeOffsets:
    """A broker with one record more than the lane has decided, ``hidden`` by an open transaction."""

    def __init__(self, *, hidden: bool) -> None:
        self.hidden = hidden

    async def stable(self, topic: str, partition: int) -> int:
        return 0 if self.hidden else 1


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("waiting", [False, True])
def test_a_stuck_worker_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, clock: Time, tmp_path: Path, hidden: bool, waiting: bool
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(last_error, "path_of", lambda group: tmp_path / group)
    view = MemoryView()
    view.waiting = waiting
    lane = Lane(0, MemoryLog(MemoryBroker(), 0), view, LaneContext(Policy(), cast(Any, None)))
    # A commit that never returns: in memory the lane has advanced.
    lane.state.ledger.next_offset = 1
    pool = Pool(lambda partition: lane, cast(Any, None))
    pool.readers[0] = lane
    worker = LaneWorker(Wiring(KafkaConnection("nowhere:1", group="g"), "redis://nowhere", Policy()))
    worker.pooled(pool)

    async def look() -> None:
        await worker._end_if_stuck(cast(Offsets, FakeOffsets(hidden=hidden)), {0: 1})

    for _ in range(4):
        asyncio.run(look())
        clock.now += 31
    found = last_error.read("g")
    if hidden or waiting:
        assert (ended, found) == ([], None)
    else:
        assert ended[0] == supervise.EXIT_STUCK
        assert found is not None and found.why.startswith("lane 0 has records to decide and has committed")


def test_the_last_error_is_read_back_by_its_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert last_error.read("shop.streamer") is None
    last_error.note("shop.streamer", "KafkaError: gone")
    found = last_error.read("shop.streamer")
    assert found is not None and found.why == "KafkaError: gone" and found.at.endswith("Z")
    assert last_error.path_of("shop.streamer").stat().st_mode & 0o777 == 0o600
    # A link that another user put there is neither followed nor trusted.
    target = tmp_path / "precious"
    target.write_text("mine")
    last_error.path_of("other").symlink_to(target)
    last_error.note("other", "x")
    assert target.read_text() == "mine" and last_error.read("other") is None
    last_error.path_of("third").write_text("no json")
    assert last_error.read("third") is None
