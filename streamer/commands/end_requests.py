"""Report requests to end (Ctrl-C or SIGTERM) to a loop in the main thread."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class EndRequest:
    """A request to end this process.

    A handler interrupts the main thread at any point, so it may not take a lock: setting an event on which the same
    thread waits can hang for ever. It writes a byte to a pipe instead. ``number`` is the last signal received.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._reader, self._writer = os.pipe()

    def request(self, number: int, _: object = None) -> None:
        """Request the end. This is a signal handler."""
        self.number = number
        os.write(self._writer, b".")

    def wait(self, seconds: float) -> bool:
        """Wait for at most ``seconds``, and return whether the process was asked to end."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def close(self) -> None:
        """Restore the pipe."""
        os.close(self._reader)
        os.close(self._writer)


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask this process to end: SIGTERM, and Ctrl-C unless it is a script's background process.

    A shell without job control starts ``streamer worker &`` with SIGINT ignored, so that Ctrl-C ends only the script.
    An ignored signal stays ignored, as with every other command; SIGTERM ends a command in the background.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return (signal.SIGTERM,) if ignored else (signal.SIGINT, signal.SIGTERM)


@contextmanager
def end_requests() -> Iterator[EndRequest]:
    """Listen for ``ending_signals`` during the block, in the main thread."""
    requested = EndRequest()
    before = {number: signal.signal(number, requested.request) for number in ending_signals()}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        requested.close()
