"""What is looked up only when a page asks for it: in a thread, by one at a time, and kept for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A value, and when it was looked up: the wall clock, ms."""

    value: T
    at: int


class Fresh(Generic[T]):
    """The newest answer to a question that blocks.

    Parameters
    ----------
    look
        The question; what it raises is raised by the call.
    seconds
        How long an answer is good enough.
    """

    def __init__(self, look: Callable[[], T], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._seen: tuple[float, Seen[T]] | None = None
        self._looking = asyncio.Lock()
        self._soon: asyncio.Task[Seen[T]] | None = None

    async def __call__(self) -> Seen[T]:
        """The answer; those who come together share one look."""
        async with self._looking:
            if self._seen is None or not self._is_fresh(self._seen):
                found = await asyncio.to_thread(self._look)
                self._seen = time.monotonic(), Seen(found, time.time_ns() // 1_000_000)
            return self._seen[1]

    async def soon(self, seconds: float) -> tuple[Seen[T] | None, bool]:
        """What is known after so many seconds at most, and whether it is fresh; the look goes on if it takes longer."""
        if self._soon is None or self._soon.done():
            self._soon = asyncio.ensure_future(self())
            # Somebody may have gone before it failed.
            self._soon.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait([self._soon], timeout=seconds)
        if self._soon.done():
            return self._soon.result(), True
        return (None, False) if self._seen is None else (self._seen[1], False)

    def _is_fresh(self, seen: tuple[float, Seen[T]]) -> bool:
        return time.monotonic() - seen[0] <= self._seconds

    def forget(self) -> None:
        """Look again next time: something was changed."""
        self._seen = None
