"""What waits for a reader of one partition: fetched batches, and the word to stop. Lanes and the model owner share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from schemas.records import LogRecord
from streamer.lanes.ports import Batch

log = structlog.get_logger(__name__)

MAX_WAITING = 1_000
"""Records, or batches without any, that may wait in a reader before its partition is not fetched any more."""


class Inbox:
    """Batches offered from outside, taken by the reader's own `run`. All of it in one event loop.

    Parameters
    ----------
    reader
        What the reader is called in the log.
    seek
        Called with an offset when a hole was found: fetch again from there.
    """

    def __init__(self, reader: str, seek: Callable[[int], None]) -> None:
        self._reader = reader
        self._seek = seek
        self._waiting: list[Batch] = []
        self._count = 0
        self._wake: asyncio.Future[None] | None = None
        self._stopping = False
        # Records are missing in front of what was fetched.
        self._hole = False

    @property
    def has_room(self) -> bool:
        """Whether another batch may be offered."""
        return self._count < MAX_WAITING

    def offer(self, batch: Batch) -> None:
        """Hand over a fetched batch; never blocks."""
        self._waiting.append(batch)
        self._count += max(1, len(batch.records))
        self._wake_up()

    def start(self) -> None:
        """Allow `run` (again), with nothing waiting."""
        self._stopping = False
        self._drop()

    def stop(self) -> None:
        """Let `run` finish its step and return; what waits is dropped."""
        self._stopping = True
        self._drop()
        self._wake_up()

    def _drop(self) -> None:
        self._waiting.clear()
        self._count = 0

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _something_waits(self, seconds: float) -> None:
        """Return when a batch waits, the reader is stopped, or after ``seconds``.

        A future and a timer, and no task: an idle lane comes here every second, a busy one with every step.
        """
        if self._waiting or self._stopping:
            return
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(seconds, self._wake_up)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def _consecutive(self, position: int, enough: int) -> tuple[list[LogRecord], int]:
        """Records from ``position`` on, and the offset after them; repeats dropped, holes healed by a seek.

        No further batch joins them once there are ``enough``.
        """
        records: list[LogRecord] = []
        while self._waiting and len(records) < enough:
            batch = self._waiting.pop(0)
            self._count -= max(1, len(batch.records))
            if batch.end <= position:
                continue
            if batch.start > position:
                # Fetched around a rebalance and dropped: what lies between must be read again.
                log.warning(
                    "gap in fetched records",
                    reader=self._reader,
                    expected=position,
                    got=batch.start,
                    other_owner=True,
                )
                self._drop()
                self._hole = True
                self._seek(position)
                break
            if batch.start == position:
                records.extend(batch.records)
            else:
                records.extend(record for record in batch.records if record.offset >= position)
            position = batch.end
        return records, position

    def _give_back(self, start: int, end: int, records: Sequence[LogRecord]) -> None:
        """Put records before all others that wait; they stand for the offsets ``[start, end)``."""
        if end > start:
            self._waiting.insert(0, Batch(start, end, records))
            self._count += max(1, len(records))
