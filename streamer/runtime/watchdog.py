"""Detect lanes that have work but commit nothing, so that their process is ended and replaced.

Kafka clients have hung in ways that are invisible from inside (``docs/adr/0006``). Lanes that are halted, wait for
their view or are being restored are excused, because they are reported elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

STUCK_SECONDS: Final = 60.0


class Watchdog:
    """Remembers when each lane of a process last made progress (monotonic seconds)."""

    def __init__(self, seconds: float = STUCK_SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[int, float] = {}
        self._stood_at: dict[int, int] = {}

    def progressed(self, lane: int) -> None:
        """Record that a lane made progress other than by its offset, such as a chunk of a restore."""
        self._since[lane] = time.monotonic()

    def idle_seconds(
        self, positions: Mapping[int, int], ends: Mapping[int, int], excused: Collection[int]
    ) -> dict[int, float]:
        """Return the seconds for which lanes have had work but made no progress, omitting all other lanes.

        Parameters
        ----------
        positions
            Last committed offset of each lane. A step that never ends advances only the state in memory.
        ends
            Ends of their inputs. A lane with an unknown end is excused, because Kafka is unavailable and no lane is to
            blame.
        excused
            Lanes that have a reason not to advance.
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
        """Return whether this is long enough to end the process."""
        return seconds >= self._seconds

    def is_suspect(self, seconds: float) -> bool:
        """Return whether this is long enough to look closer."""
        return seconds >= self._seconds / 2
