"""Schedule when to re-evaluate each waiting message, and queue messages that are due."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from streamer.act.heart.state import Message, State
from streamer.act.plays.book import Channel

_NO_ROOM_NEEDED: Final = ""
"""Queue of messages that no channel can hold up: a condition is evaluated as soon as its change is read."""


class Timers:
    """Instants (ms) by message id, in heaps that skip outdated entries. Setting an id again moves it.

    A due id stays in its channel's queue, by priority, until the channel accepts it or the message expires. An id that
    `take` returned must be set again or cleared.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}
        self._lines: dict[str, list[tuple[int, int, str]]] = {}
        self._in_line: dict[str, int] = {}
        self._expiring: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._at) + len(self._in_line)

    def set(self, id: str, at: int) -> None:
        """Schedule ``id`` at ``at``."""
        self._in_line.pop(id, None)
        if self._at.get(id) != at:
            self._at[id] = at
            heapq.heappush(self._heap, (at, id))

    def clear(self, id: str) -> None:
        """Remove ``id`` from the schedule."""
        self._at.pop(id, None)
        self._in_line.pop(id, None)

    def follow(self, ids: Iterable[str], messages: Mapping[str, Message]) -> None:
        """Schedule the waiting messages among ``ids`` at their due times, and remove the others."""
        for id in ids:
            message = messages.get(id)
            if message is None or message.status != "waiting":
                self.clear(id)
            else:
                self.set(id, message.due)

    def take(self, now: int, state: State, room: Callable[[Channel], int], most: int) -> list[Message]:
        """Return messages to evaluate now, best first: expiring ones, and from each queue as many as its channel accepts.

        Parameters
        ----------
        room
            Returns how many calls a channel accepts.
        most
            Maximum number of messages in total.
        """
        self._line_up(now, state)
        taken: list[Message] = []
        while self._expiring and self._expiring[0][0] <= now and len(taken) < most:
            _, id = heapq.heappop(self._expiring)
            if id in self._in_line and id in state.messages:
                self._hand_over(id, state, taken)
        for name, line in self._lines.items():
            if not self._head(line, state):
                continue
            left = most if name == _NO_ROOM_NEEDED else room(self._channel(line, state))
            while left > 0 and len(taken) < most and self._head(line, state):
                self._hand_over(heapq.heappop(line)[2], state, taken)
                left -= 1
        taken.sort(key=lambda one: (-state.play(one).priority, one.due, one.id))
        return taken

    def _line_up(self, now: int, state: State) -> None:
        while self._heap and self._heap[0][0] <= now:
            at, id = heapq.heappop(self._heap)
            if self._at.get(id) != at:
                continue
            del self._at[id]
            if (message := state.messages.get(id)) is None:
                continue
            self._in_line[id] = at
            line = state.channel(message).name if message.looked else _NO_ROOM_NEEDED
            heapq.heappush(self._lines.setdefault(line, []), (-state.play(message).priority, at, id))
            heapq.heappush(self._expiring, (message.expires, id))

    def _hand_over(self, id: str, state: State, taken: list[Message]) -> None:
        del self._in_line[id]
        taken.append(state.messages[id])

    def overdue(self, now: int) -> int:
        """Return how long (ms) the longest-waiting due message has waited; 0 if there is none."""
        return max((now - at for at in self._in_line.values()), default=0)

    def lines(self, state: State) -> list[Channel]:
        """Return the channels with queued messages."""
        named = [line for name, line in self._lines.items() if name != _NO_ROOM_NEEDED]
        return [self._channel(line, state) for line in named if self._head(line, state)]

    def _head(self, line: list[tuple[int, int, str]], state: State) -> bool:
        """Remove outdated entries. Return False if the queue is empty."""
        while line and (self._in_line.get(line[0][2]) != line[0][1] or line[0][2] not in state.messages):
            heapq.heappop(line)
        return bool(line)

    @staticmethod
    def _channel(line: list[tuple[int, int, str]], state: State) -> Channel:
        return state.channel(state.messages[line[0][2]])

    def next(self) -> int | None:
        """Return the next scheduled instant (ms), not counting queued ids; None if there is none."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
