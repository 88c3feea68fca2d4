"""Lock a home, so that only one process at a time starts its servers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from schemas.errors import UserError
from streamer.embedded import ownership
from streamer.embedded.home import Progress

WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.05
_SESSION, _BRIEF = "session", "brief"


@contextmanager
def home_lock(
    home: Path, progress: Progress, *, session: bool, wait_seconds: float = WAIT_SECONDS
) -> Generator[Callable[[], None]]:
    """Hold the lock of ``home`` inside the block; the yielded function releases it early.

    The system releases the lock however the process ends. Waits for a holder that only starts or stops servers. One that
    runs a session may take hours, so the error is raised at once.

    Raises
    ------
    UserError
        Another process uses the home, or the folder is not writable.
    """
    if sys.platform == "win32":
        raise UserError(
            "the embedded servers run on Linux and macOS only",
            "use WSL, or `docker compose up` and set STREAMER_KAFKA and STREAMER_REDIS",
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        ownership.claim(home)
        file = (home / "lock").open("a+")
    except OSError as error:
        raise UserError(
            f"cannot write to the data folder {home}: {error.strerror}",
            "set STREAMER_HOME to a writable folder",
        ) from error
    with file:
        _take(file, home, progress, wait_seconds)
        file.seek(0)
        file.truncate()
        file.write(f"{_SESSION if session else _BRIEF} {os.getpid()}\n")
        file.flush()
        yield file.close


def _take(file: TextIO, home: Path, progress: Progress, wait_seconds: float) -> None:
    import fcntl

    deadline = time.monotonic() + wait_seconds
    reported = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            kind, _, pid = file.read().strip().partition(" ")
            if kind == _SESSION:
                raise UserError(
                    f"another streamer (process {pid}) is already running servers in {home}",
                    "stop it first, or set STREAMER_HOME to another folder",
                ) from None
            if time.monotonic() > deadline:
                raise UserError(
                    f"process {pid or '?'} has been starting or stopping the servers in {home} for too long",
                    "stop that process and try again",
                ) from None
            if not reported:
                progress("waiting for another streamer that starts or stops the servers")
                reported = True
            time.sleep(_POLL_SECONDS)
        else:
            return
