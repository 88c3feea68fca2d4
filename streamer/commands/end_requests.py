"""Requests to end: Ctrl-C or SIGTERM, reported to a loop in the main thread."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class EndRequest:
    """Whether this process was asked to end.

    A handler runs in the middle of whatever the main thread does, so it may take no lock: setting an event on which
    the same thread waits can hang for ever. It writes a byte to a pipe instead. ``number`` is the last signal heard.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._reader, self._writer = os.pipe()

    def request(self, number: int, _: object = None) -> None:
        """Ask to end; a signal handler."""
        self.number = number
        os.write(self._writer, b".")

    def wait(self, seconds: float) -> bool:
        """Wait for at most ``seconds``; return whether the process was asked to end."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def close(self) -> None:
        """Restore the pipe."""
        os.close(self._reader)
        os.close(self._writer)


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask this process to end: SIGTERM, and Ctrl-C unless it runs in the background of a script.

    A shell without job control starts ``streamer worker &`` with SIGINT ignored, so that Ctrl-C ends the script alone.
    What it ignores stays ignored, as with every other command; SIGTERM ends a command in the background.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return (signal.SIGTERM,) if ignored else (signal.SIGINT, signal.SIGTERM)


@contextmanager
def end_requests() -> Iterator[EndRequest]:
    """Listen for ``ending_signals`` meanwhile, in the main thread."""
    requested = EndRequest()
    before = {number: signal.signal(number, requested.request) for number in ending_signals()}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        requested.close()
