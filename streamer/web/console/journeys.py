"""Cache where customers went since a day, and read it again only as often as reading is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.queries.history import Journey
from streamer.web.readmodel.reading import Reader

_OF_THE_TIME: Final = 0.02
"""Maximum share of the time spent reading, which reads every move of the period."""
_MOST: Final = 64
"""Number of answers to keep, which is more than there are segmentations and periods."""


class Journeys:
    """Keeps the newest answer per segmentation and period, valid for 50 times as long as it took.

    Parameters
    ----------
    clock
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[tuple[str, int], tuple[float, list[Journey]]] = {}

    def __call__(self, reader: Reader, segmentation: str, since: int) -> list[Journey]:
        """Return the journeys; see `Reader.journeys`."""
        key, begun = (segmentation, since), self._clock()
        until, found = self._held.pop(key, (begun, []))
        if begun >= until:
            found = reader.journeys(segmentation, since)
            now = self._clock()
            until = now + (now - begun) / _OF_THE_TIME
        self._held[key] = until, found
        if len(self._held) > _MOST:
            del self._held[next(iter(self._held))]
        return found
