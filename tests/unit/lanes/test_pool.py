"""Test a process's readers over rebalances: who runs, who is opened and closed, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from streamer.lanes import pool as pools
from streamer.lanes.pool import Pool
from streamer.lanes.ports import Batch

BATCH = Batch(5, 6, ())


class FakeReader:
    """Records what happens to it, and runs until it is stopped."""

    def __init__(self, partition: int, diary: list[str], error: Exception | None = None) -> None:
        self.partition = partition
        self.next_offset = 100 + partition
        self.has_room = True
        self.offered: list[Batch] = []
        self.deaf = False
        self._diary = diary
        self._error = error
        self._stopped = asyncio.Event()

    def note(self, what: str) -> None:
        self._diary.append(f"{what} {self.partition}")

    async def open(self) -> int:
        await asyncio.sleep(0)
        self.note("open")
        return self.next_offset

    def start(self) -> None:
        self._stopped.clear()
        self.note("start")

    async def run(self) -> None:
        if self._error is not None:
            raise self._error
        await self._stopped.wait()
        self.note("end")

    def stop(self) -> None:
        self.note("stop")
        if not self.deaf:
            self._stopped.set()

    async def close(self) -> None:
        self.note("close")

    def offer(self, batch: Batch) -> None:
        self.offered.append(batch)


class World:
    """A pool of such readers, and what it reports."""

    def __init__(self, error: Exception | None = None) -> None:
        self.diary: list[str] = []
        self.readers: dict[int, FakeReader] = {}
        self.fatal: list[BaseException] = []
        self.owned: list[set[int]] = []
        self._error = error
        self.pool = Pool(self._make, self.fatal.append, self.owned.append)

    def _make(self, partition: int) -> FakeReader:
        self.readers[partition] = FakeReader(partition, self.diary, self._error)
        return self.readers[partition]

    def taken(self) -> list[str]:
        """Return what happened since the last call."""
        found, self.diary[:] = list(self.diary), []
        return found


def in_world(play: Callable[[World], object], error: Exception | None = None) -> World:
    async def run() -> World:
        world = World(error)
        await play(world)  # type: ignore[misc]
        return world

    return asyncio.run(asyncio.wait_for(run(), 30))


def test_a_rebalance_closes_what_went_and_opens_what_came_before_anybody_runs() -> None:
    async def play(world: World) -> None:
        await world.pool.resume([0, 1])
        await asyncio.sleep(0)
        assert world.taken() == ["open 0", "open 1", "start 0", "start 1"]
        await world.pool.pause()
        assert sorted(world.taken()) == ["end 0", "end 1", "stop 0", "stop 1"]
        await world.pool.resume([1, 2])
        await asyncio.sleep(0)
        assert world.taken() == ["close 0", "open 2", "start 1", "start 2"]
        await world.pool.close()
        assert sorted(world.taken()) == ["close 1", "close 2", "end 1", "end 2", "stop 1", "stop 2"]

    world = in_world(play)
    assert world.owned == [{0, 1}, {1, 2}, set()]
    assert world.fatal == []


def test_a_batch_goes_to_its_reader_only_while_that_runs() -> None:
    async def play(world: World) -> None:
        assert (world.pool.room(0), world.pool.next_offset(0)) == (False, None)
        world.pool.offer(0, BATCH)
        await world.pool.resume([0])
        assert (world.pool.room(0), world.pool.next_offset(0)) == (True, 100)
        world.pool.offer(0, BATCH)
        assert world.readers[0].offered == [BATCH]
        world.readers[0].has_room = False
        assert not world.pool.room(0)
        world.readers[0].has_room = True
        await world.pool.pause()
        # Its position is still known, and the batch is read again later.
        assert (world.pool.room(0), world.pool.next_offset(0)) == (False, 100)
        world.pool.offer(0, BATCH)
        assert world.readers[0].offered == [BATCH]
        await world.pool.close()

    in_world(play)


def test_the_error_of_a_reader_is_fatal() -> None:
    async def play(world: World) -> None:
        await world.pool.resume([3])
        await asyncio.sleep(0.01)

    error = RuntimeError("the state is unknown")
    assert in_world(play, error).fatal == [error]


def test_who_does_not_stop_in_time_is_dropped_and_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "STOP_SECONDS", 0.05)

    async def play(world: World) -> None:
        await world.pool.resume([0, 1])
        world.readers[0].deaf = True
        first = world.readers[0]
        await world.pool.pause()
        assert "close 0" in world.taken()
        await world.pool.resume([0, 1])
        assert world.readers[0] is not first
        assert [line for line in world.taken() if line.startswith("open")] == ["open 0"]
        await world.pool.close()

    assert in_world(play).fatal == []
