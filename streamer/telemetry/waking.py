"""Hold back log lines after a pause until its consequences are known.

A process paused for longer than its session (a sleeping laptop, SIGSTOP, a stalled virtual machine) wakes up as a
member of a group that has continued without it. aiokafka and Faust then report errors of their own: rejected
heartbeats, an unresponsive thread, fenced producers. If the process leaves because another one has taken its lane, one
line summarises them. Otherwise the lines are written late, in order, with their original times.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

BEAT_SECONDS: Final = 0.5
HELD_SECONDS: Final = 10.0
"""Seconds after which a lane with work knows whether it was taken."""


class PatientHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream, and delays or drops (`forget`) some that follow a pause.

    Nothing is held before the first `beat`, so a process without a beating event loop never holds lines.

    Parameters
    ----------
    explained
        Whether a line is redundant once the process leaves.
    """

    def __init__(
        self,
        stream: TextIO,
        explained: Callable[[logging.LogRecord], bool] = lambda record: True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._explained = explained
        self._now = now
        self._paused_seconds = 0.0
        self._last_beat: float | None = None
        self._held: list[str] = []
        # Runs while lines are held, because a hanging loop cannot write them.
        self._timer: threading.Timer | None = None

    def beat(self, paused_seconds: float) -> None:
        """Record that the event loop makes progress. After a gap of ``paused_seconds`` the process counts as paused."""
        self.acquire()
        try:
            self._look()
            self._paused_seconds, self._last_beat = paused_seconds, self._now()
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        self._look()
        if self._timer is None or not self._explained(record):
            super().emit(record)
            return
        try:
            self._held.append(self.format(record) + self.terminator)
        except Exception:  # like the handlers of the standard library
            self.handleError(record)

    def forget(self) -> None:
        """Drop the redundant lines, because the process leaves after another one has taken its lane."""
        self._stop_holding(write=False)

    def write_held(self) -> None:
        """Write the held lines."""
        self._stop_holding(write=True)

    def close(self) -> None:
        self.write_held()
        super().close()

    def _stop_holding(self, *, write: bool) -> None:
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
            held, self._held, self._timer = self._held, [], None
            # Until the next beat, neither a hanging loop nor a leaving process holds further lines.
            self._last_beat = None
            if write and held:
                self.stream.write("".join(held))
                self.flush()
        finally:
            self.release()

    def _look(self) -> None:
        """Detect a pause before the first line after it, or at the first beat."""
        if self._timer is not None or self._last_beat is None:
            return
        if self._now() - self._last_beat > self._paused_seconds:
            self._timer = threading.Timer(HELD_SECONDS, self.write_held)
            self._timer.daemon = True
            self._timer.start()


def of_process() -> PatientHandler | None:
    """Return the handler that `logs.configure` has installed in this process."""
    return next((one for one in logging.getLogger().handlers if isinstance(one, PatientHandler)), None)


async def beats(session_seconds: float) -> None:
    """Beat while the event loop runs. A gap close to ``session_seconds`` counts as a pause."""
    paused_seconds = max(session_seconds - BEAT_SECONDS, session_seconds / 2)
    while True:
        if (handler := of_process()) is not None:
            handler.beat(paused_seconds)
        await asyncio.sleep(BEAT_SECONDS)
