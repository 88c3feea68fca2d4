"""When each waiting message is looked at next: a heap whose outdated entries are passed over."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from streamer.act.heart.state import Message


class Timers:
    """Instants (ms) by message id. Setting an id again moves it."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}
        self._ripe: set[str] = set()

    def __len__(self) -> int:
        return len(self._at)

    def set(self, id: str, at: int) -> None:
        """Look at ``id`` at ``at``."""
        if id in self._ripe or self._at.get(id) != at:
            self._ripe.discard(id)
            self._at[id] = at
            heapq.heappush(self._heap, (at, id))

    def clear(self, id: str) -> None:
        """Look at ``id`` no more."""
        self._at.pop(id, None)
        self._ripe.discard(id)

    def follow(self, ids: Iterable[str], messages: Mapping[str, Message]) -> None:
        """Look at those that wait when they are due, and at the others no more."""
        for id in ids:
            message = messages.get(id)
            if message is None or message.status != "waiting":
                self.clear(id)
            else:
                self.set(id, message.due)

    def ripe(self, now: int) -> list[str]:
        """All whose instant has come; they stay ripe until set anew or cleared."""
        while self._heap and self._heap[0][0] <= now:
            at, id = heapq.heappop(self._heap)
            if self._at.get(id) == at:
                self._ripe.add(id)
        return list(self._ripe)

    def overdue(self, now: int) -> int:
        """How long (ms) the longest ripe one has waited; 0 for none."""
        return max((now - self._at[id] for id in self._ripe), default=0)

    def next(self) -> int | None:
        """The instant (ms) of the next one that is not ripe yet; None for none."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def seconds_left(self, now: int, most: float) -> float:
        """Seconds until the next one is ripe, at least 0 and at most ``most``."""
        at = self.next()
        return most if at is None else min(most, max(0.0, (at - now) / 1000))
