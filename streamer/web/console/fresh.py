"""Run blocking lookups on demand: in a thread, one at a time, cached briefly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A value, and the wall clock at its lookup (epoch ms)."""

    value: T
    at: int


class Fresh(Generic[T]):
    """The newest answer to a blocking question.

    Parameters
    ----------
    look
        The question; its exceptions are raised in the caller.
    seconds
        Seconds for which an answer stays valid.
    """

    def __init__(self, look: Callable[[], T], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._seen: tuple[float, Seen[T]] | None = None
        self._looking = asyncio.Lock()
        self._soon: asyncio.Task[Seen[T]] | None = None

    async def __call__(self) -> Seen[T]:
        """Return the answer. Concurrent callers share one lookup."""
        async with self._looking:
            if self._seen is None or not self._is_fresh(self._seen):
                found = await asyncio.to_thread(self._look)
                self._seen = time.monotonic(), Seen(found, time.time_ns() // 1_000_000)
            return self._seen[1]

    async def soon(self, seconds: float) -> tuple[Seen[T] | None, bool]:
        """Return the newest answer after at most ``seconds``, and whether it is fresh. A slower lookup continues."""
        if self._soon is None or self._soon.done():
            self._soon = asyncio.ensure_future(self())
            # The caller may have left before it failed.
            self._soon.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait([self._soon], timeout=seconds)
        if self._soon.done():
            return self._soon.result(), True
        return (None, False) if self._seen is None else (self._seen[1], False)

    def _is_fresh(self, seen: tuple[float, Seen[T]]) -> bool:
        return time.monotonic() - seen[0] <= self._seconds

    def forget(self) -> None:
        """Discard the answer after a change."""
        self._seen = None
