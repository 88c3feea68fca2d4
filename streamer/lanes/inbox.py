"""Queue fetched batches and the stop signal for one partition's reader. Lanes and the model owner share this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from schemas.records import LogRecord
from streamer.lanes.ports import Batch

log = structlog.get_logger(__name__)

MAX_WAITING = 1_000
"""Number of queued records (an empty batch counts as one) at which fetching a reader's partition pauses."""


class Inbox:
    """Queue of batches, offered from outside and consumed by the reader's own `run` in the same event loop.

    Parameters
    ----------
    reader
        The reader's name in the log.
    seek
        Called with an offset to fetch from again after a gap.
    """

    def __init__(self, reader: str, seek: Callable[[int], None]) -> None:
        self._reader = reader
        self._seek = seek
        self._waiting: list[Batch] = []
        self._count = 0
        self._wake: asyncio.Future[None] | None = None
        self._stopping = False
        # Records are missing before the fetched ones.
        self._hole = False

    @property
    def has_room(self) -> bool:
        """Whether another batch may be offered."""
        return self._count < MAX_WAITING

    def offer(self, batch: Batch) -> None:
        """Queue a fetched batch; never blocks."""
        self._waiting.append(batch)
        self._count += max(1, len(batch.records))
        self._wake_up()

    def start(self) -> None:
        """Empty the queue and allow `run`, possibly again."""
        self._stopping = False
        self._drop()

    def stop(self) -> None:
        """Let `run` finish its step and return. Drop the queue."""
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
        """Wait until a batch is queued or the reader is stopped, at most ``seconds``.

        Uses a future and a timer rather than a task, because an idle lane calls this every second and a busy one at
        every step.
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
        """Return records from ``position`` on and the offset after them. Drop duplicates; seek back on a gap.

        Stops adding batches once there are ``enough`` records.
        """
        records: list[LogRecord] = []
        while self._waiting and len(records) < enough:
            batch = self._waiting.pop(0)
            self._count -= max(1, len(batch.records))
            if batch.end <= position:
                continue
            if batch.start > position:
                # The missing records were fetched around a rebalance and dropped: read them again.
                log.warning(
                    "found a gap in fetched records",
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
        """Put records back at the front of the queue; they cover the offsets ``[start, end)``."""
        if end > start:
            self._waiting.insert(0, Batch(start, end, records))
            self._count += max(1, len(records))
