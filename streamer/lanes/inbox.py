"""What waits for a reader of one partition: fetched batches, and the word to stop. Lanes and the model owner share it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from schemas.records import LogRecord
from streamer.lanes.ports import Batch

log = structlog.get_logger(__name__)

MAX_WAITING = 4
"""Batches that may wait in a reader before its partition is not fetched any more."""


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
        self._arrived = asyncio.Event()
        self._stopping = False

    @property
    def has_room(self) -> bool:
        """Whether another batch may be offered."""
        return len(self._waiting) < MAX_WAITING

    def offer(self, batch: Batch) -> None:
        """Hand over a fetched batch; never blocks."""
        self._waiting.append(batch)
        self._arrived.set()

    def start(self) -> None:
        """Allow `run` (again), with nothing waiting."""
        self._stopping = False
        self._waiting.clear()

    def stop(self) -> None:
        """Let `run` finish its step and return; what waits is dropped."""
        self._stopping = True
        self._waiting.clear()
        self._arrived.set()

    async def _something_waits(self, seconds: float) -> None:
        """Return when a batch waits, the reader is stopped, or after ``seconds``."""
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), seconds)

    def _consecutive(self, position: int, enough: int) -> tuple[list[LogRecord], int]:
        """Records from ``position`` on, and the offset after them; repeats dropped, holes healed by a seek.

        No further batch joins them once there are ``enough``.
        """
        records: list[LogRecord] = []
        while self._waiting and len(records) < enough:
            batch = self._waiting.pop(0)
            if batch.end <= position:
                continue
            if batch.start > position:
                # Fetched around a rebalance and dropped: what lies between must be read again.
                log.warning("hole in fetched records", reader=self._reader, expected=position, got=batch.start)
                self._waiting.clear()
                self._seek(position)
                break
            if batch.start == position:
                records.extend(batch.records)
            else:
                records.extend(record for record in batch.records if record.offset >= position)
            position = batch.end
        return records, position
