"""What waits for a reader of one partition: fetched batches, and the word to stop. Lanes and the model owner share it."""

from __future__ import annotations

import asyncio
import contextlib

from streamer.ports import Batch

MAX_WAITING = 4
"""Batches that may wait in a reader before its partition is not fetched any more."""


class Inbox:
    """Batches offered from outside, taken by the reader's own `run`. All of it in one event loop."""

    def __init__(self) -> None:
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
