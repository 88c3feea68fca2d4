"""What is logged right after a pause, held back until it is known what the pause came to.

A process that was paused for longer than its session (a laptop that slept, SIGSTOP, a stalled virtual machine) wakes up as
a member of a group that has gone on without it. aiokafka and Faust then report errors of their own: heartbeats refused, a
thread that does not answer, producers fenced. If the process leaves because another one has taken its lane, one line says
all of that. Else the lines come after all, in order, with the times at which they were written.
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
"""A lane that has work notices within its next transaction whether it was taken."""


class PatientHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream; of those that follow a pause some only after a while, or never (`forget`).

    Nothing is held before the first `beat`: in a process without an event loop that beats, nothing ever is.

    Parameters
    ----------
    explained
        Whether nobody needs to read a line who knows that the process leaves.
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
        # Runs while lines are held: a loop that hangs cannot write them.
        self._timer: threading.Timer | None = None

    def beat(self, paused_seconds: float) -> None:
        """The event loop gets on; where it has not done so for ``paused_seconds``, the process was paused."""
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
        except Exception:  # as the handlers of the standard library do
            self.handleError(record)

    def forget(self) -> None:
        """The process leaves since another one has taken its lane: drop what that explains."""
        self._stop_holding(write=False)

    def write_held(self) -> None:
        """Write what was held."""
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
            # Until the next beat: a loop that hangs, and a process that leaves, hold nothing more.
            self._last_beat = None
            if write and held:
                self.stream.write("".join(held))
                self.flush()
        finally:
            self.release()

    def _look(self) -> None:
        """Notice a pause: before anything that is written after it, or at the first beat."""
        if self._timer is not None or self._last_beat is None:
            return
        if self._now() - self._last_beat > self._paused_seconds:
            self._timer = threading.Timer(HELD_SECONDS, self.write_held)
            self._timer.daemon = True
            self._timer.start()


def of_process() -> PatientHandler | None:
    """The handler that `logs.configure` has given this process."""
    return next((one for one in logging.getLogger().handlers if isinstance(one, PatientHandler)), None)


async def beats(session_seconds: float) -> None:
    """Beat for as long as the event loop runs; a pause is what ends a session of the consumer group, or almost."""
    paused_seconds = max(session_seconds - BEAT_SECONDS, session_seconds / 2)
    while True:
        if (handler := of_process()) is not None:
            handler.beat(paused_seconds)
        await asyncio.sleep(BEAT_SECONDS)
