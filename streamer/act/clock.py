"""Decide whether ``act`` may use this machine's clock for waits, expiries, quiet hours and weekly reports.

A clock that is years ahead for a minute would expire every waiting message, use up the weekly reports of those years
and suspend channels until then. So ``act`` decides nothing while its clock differs from the broker's by more than an
hour, as lanes do. Both may be one machine, so it also waits while the clock is behind the last decision, and after a
jump by weeks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

log = structlog.get_logger(__name__)

BEHIND_MS: Final = 3_600_000
"""How far the clock may be behind the last decision."""
LEAP_MS: Final = 7 * 86_400_000
LEAP_SECONDS: Final = 600.0
"""A jump by more than `LEAP_MS` is accepted if it is not corrected within `LEAP_SECONDS`."""
_LOOK_SECONDS: Final = 1.0
_SAY_SECONDS: Final = 600.0
_SEE: Final = "see docs/runbooks/ClockJump.md"


class Guard(Protocol):
    """Compares this machine's clock with the broker's."""

    @property
    def is_trusted(self) -> bool: ...
    async def look(self) -> None: ...


class ClockWatch:
    """Checks the clock before each turn."""

    def __init__(self, guard: Guard, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._guard = guard
        self._monotonic = monotonic
        self._leapt: float | None = None
        self._said: tuple[str, float] = ("", 0.0)

    async def run(self) -> None:
        """Keep comparing the clock with the broker's."""
        while True:
            await self._guard.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def trusts(self, now: int, last: int) -> bool:
        """Return whether to decide at ``now`` (ms). ``last`` (ms) is the latest decision of any owner, 0 before the first."""
        if not self._guard.is_trusted:
            # The guard has logged why.
            return False
        if last and now < last - BEHIND_MS:
            self._say(
                "the clock is behind act's last decision; nothing is sent until it is corrected, " + _SEE, last - now
            )
            return False
        if not last or now <= last + LEAP_MS:
            self._leapt = None
            return True
        return self._leap_is_over(now - last)

    def _leap_is_over(self, by: int) -> bool:
        """Return whether the clock has kept its new time for `LEAP_SECONDS`."""
        if self._leapt is None:
            self._leapt = self._monotonic()
        if self._monotonic() - self._leapt >= LEAP_SECONDS:
            return True
        self._say("the clock has jumped far ahead of act's last decision; act is waiting for a correction, " + _SEE, by)
        return False

    def _say(self, what: str, by: int) -> None:
        said, at = self._said
        if what != said or self._monotonic() - at >= _SAY_SECONDS:
            self._said = what, self._monotonic()
            log.error(what, hours=round(by / 3_600_000, 1))
