"""Decide whether the wall clock may advance lanes: only while it is within an hour of the broker's clock.

A lane's clock never goes back, so a single tick with a clock a year ahead would move every customer for good. The
broker's clock is queried periodically. In between, the wall clock must advance like the monotonic one, so that a jump
is noticed at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from schemas.errors import TransientError, UserError

log = structlog.get_logger(__name__)

MOST_SECONDS: Final = 3_600.0
_EVERY_SECONDS: Final = 600.0


class ClockGuard:
    """Tracks how far the wall clock is ahead of the broker's.

    Parameters
    ----------
    measure
        Measures the broker's clock minus ours, s.
    pauses
        The clause of the log message that names what waits while the clock is wrong.
    """

    def __init__(self, measure: Callable[[], Awaitable[float]], pauses: str = "pausing time-based moves") -> None:
        self._measure = measure
        self._pauses = pauses
        self._skew = 0.0
        # Wall and monotonic clock at the last measurement; None before the first attempt.
        self._at: tuple[float, float] | None = None
        self._tried = 0.0

    @property
    def skew_seconds(self) -> float:
        """The latest estimate of the wall clock minus the broker's clock, in seconds."""
        if self._at is None:
            return 0.0
        wall, monotonic = self._at
        return self._skew + (time.time() - wall) - (time.monotonic() - monotonic)

    @property
    def is_trusted(self) -> bool:
        """Whether lanes may follow the wall clock; False until the broker was first queried."""
        return self._at is not None and abs(self.skew_seconds) <= MOST_SECONDS

    async def look(self) -> None:
        """Query the broker if a query is due or the clock looks wrong. A failed query changes nothing."""
        now = time.monotonic()
        if self._at is not None and now - self._tried < (_EVERY_SECONDS if self.is_trusted else 10.0):
            return
        self._tried = now
        trusted = self.is_trusted
        try:
            skew = -await self._measure()
        except (TransientError, UserError) as error:
            log.info("failed to read the broker's clock", error=str(error))
            # A broker that never answered must not keep time from passing.
            self._at = self._at or (time.time(), now)
            return
        self._skew, self._at = skew, (time.time(), time.monotonic())
        if not self.is_trusted:
            hours = abs(skew) / 3_600
            side = "ahead of" if skew > 0 else "behind"
            log.error(
                f"clock is wrong; {self._pauses} until it is fixed (see docs/runbooks/ClockJump.md)",
                clock=f"{hours:,.1f} h {side} the broker's",
            )
        elif not trusted:
            log.info("clock agrees with the broker's", seconds=round(skew, 3))
