"""Determine whether a worker process is alive and ready: the answers of ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

HUNG_SECONDS = 60.0


class WorkerHealth:
    """Reports a process as alive while its event loop runs, and as ready once its assigned lanes are restored.

    Parameters
    ----------
    stopped
        Returns the stopped lanes with their reasons; called from other threads.
    """

    def __init__(self, stopped: Callable[[], Mapping[int, str]] = dict) -> None:
        self._stopped = stopped
        self._beat = time.monotonic()
        self._assigned = False

    def beat(self) -> None:
        """Record that the event loop is running."""
        self._beat = time.monotonic()

    def assigned(self) -> None:
        """Record that the group has assigned its partitions, and that ours, if any, are restored."""
        self._assigned = True

    def healthy(self) -> str | None:
        """Return why the process should be restarted, or None if it is healthy."""
        silent = time.monotonic() - self._beat
        return None if silent < HUNG_SECONDS else f"nothing moved for {silent:.0f} s"

    def ready(self) -> str | None:
        """Return why the process does not do all of its work, or None if it does."""
        if not self._assigned:
            return "lanes are not yet given out and restored"
        return "; ".join(f"lane {lane} has stopped: {why}" for lane, why in sorted(self._stopped().items())) or None
