"""Whether lanes get on: a process whose lane has work and commits nothing is ended, and a fresh one takes over.

Clients of Kafka have hung in ways that nobody sees from inside (``docs/adr/0006``). What is excused is reported elsewhere: a
lane that has stopped, one that waits for its view, one that is being restored.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

STUCK_SECONDS: Final = 60.0


class Watchdog:
    """Remembers when each lane of a process last got on (monotonic s)."""

    def __init__(self, seconds: float = STUCK_SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[int, float] = {}
        self._stood_at: dict[int, int] = {}

    def progressed(self, lane: int) -> None:
        """A lane got on otherwise than by its offset, such as by a chunk of a restore."""
        self._since[lane] = time.monotonic()

    def idle_seconds(
        self, positions: Mapping[int, int], ends: Mapping[int, int], excused: Collection[int]
    ) -> dict[int, float]:
        """For how long lanes have had work and got nowhere; those that get on, or need not, are left out.

        Parameters
        ----------
        positions
            The offset that each lane committed last; a step that never ends has moved only what is in memory.
        ends
            The ends of their inputs. A lane whose end nobody knows is excused: Kafka is away, and no lane is to blame.
        excused
            Lanes that stand still with good reason.
        """
        now = time.monotonic()
        for lane in self._since.keys() - positions.keys():
            del self._since[lane]
            self._stood_at.pop(lane, None)
        found = {}
        for lane, position in positions.items():
            moved = self._stood_at.get(lane) != position
            self._stood_at[lane] = position
            if moved or lane in excused or ends.get(lane, position) <= position:
                self._since[lane] = now
            else:
                found[lane] = now - self._since.setdefault(lane, now)
        return found

    def is_stuck(self, seconds: float) -> bool:
        """Whether so long is too long."""
        return seconds >= self._seconds

    def is_suspect(self, seconds: float) -> bool:
        """Whether it is time to look closer."""
        return seconds >= self._seconds / 2
