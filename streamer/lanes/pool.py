"""Manage the lanes a process owns, across rebalances.

The order matters. On revocation, every lane finishes its running transaction and stops. Once the new assignment is
known, lanes that moved away are closed and new ones opened all at once, because a dead owner's open transaction hides
what follows it until its lane is reopened. Only then does fetching resume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from streamer.lanes.ports import Batch

log = structlog.get_logger(__name__)

STOP_SECONDS = 20.0


class Reader(Protocol):
    """The owner of one partition: a lane, or the model owner."""

    @property
    def has_room(self) -> bool: ...
    @property
    def next_offset(self) -> int: ...
    async def open(self) -> int: ...
    def start(self) -> None: ...
    async def run(self) -> None: ...
    def stop(self) -> None: ...
    async def close(self) -> None: ...
    def offer(self, batch: Batch) -> None: ...


class Pool:
    """Readers by partition, each with its running task.

    Parameters
    ----------
    make
        Creates the reader of a partition.
    fatal
        Called when a reader ends with an error; the process must stop.
    on_change
        Called with the owned partitions whenever they change.
    """

    def __init__(
        self,
        make: Callable[[int], Reader],
        fatal: Callable[[BaseException], None],
        on_change: Callable[[set[int]], None] = lambda partitions: None,
    ) -> None:
        self._make = make
        self._fatal = fatal
        self._on_change = on_change
        self.readers: dict[int, Reader] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def room(self, partition: int) -> bool:
        reader = self.readers.get(partition)
        return reader is not None and partition in self._tasks and reader.has_room

    def next_offset(self, partition: int) -> int | None:
        reader = self.readers.get(partition)
        return None if reader is None else reader.next_offset

    def offer(self, partition: int, batch: Batch) -> None:
        """Pass a batch to its reader. A batch for a stopped reader is dropped and read again later."""
        if partition in self._tasks:
            self.readers[partition].offer(batch)

    async def pause(self) -> None:
        """Let every reader finish its step and stop."""
        tasks, self._tasks = self._tasks, {}
        for partition in tasks:
            self.readers[partition].stop()
        if not tasks:
            return
        done, pending = await asyncio.wait(tasks.values(), timeout=STOP_SECONDS)
        for partition, task in tasks.items():
            if task in pending:
                # The view is probably unavailable. Committed data is safe, so let go; but the lane's state is
                # unknown.
                log.warning("lane did not stop in time; reopening it", lane=partition)
                task.cancel()
                await asyncio.wait([task])
                await self._drop(partition)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._fatal(error)

    async def resume(self, partitions: Iterable[int]) -> None:
        """Own exactly these partitions: close the others, open new ones, run all."""
        wanted = set(partitions)
        await asyncio.gather(*(self._drop(partition) for partition in set(self.readers) - wanted))
        new = {partition: self._make(partition) for partition in wanted - set(self.readers)}
        await asyncio.gather(*(reader.open() for reader in new.values()))
        self.readers.update(new)
        for partition in sorted(wanted):
            reader = self.readers[partition]
            reader.start()
            task = asyncio.create_task(reader.run(), name=f"lane-{partition}")
            task.add_done_callback(self._ended)
            self._tasks[partition] = task
        self._on_change(wanted)

    async def close(self) -> None:
        """Stop and close everything."""
        await self.pause()
        await asyncio.gather(*(self._drop(partition) for partition in list(self.readers)))
        self._on_change(set())

    async def _drop(self, partition: int) -> None:
        await self.readers.pop(partition).close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal(error)
