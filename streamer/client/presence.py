"""The address of a home's web process, noted in STREAMER_HOME so that commands find it on any port.

A running process keeps its note locked; a note without a lock was left by a killed process.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from schemas.errors import UserError

FILE: Final = "web.json"
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.02


@contextmanager
def noted(home: Path, url: str, service: str = "") -> Iterator[None]:
    """Note this process and its service (`Connections.service`) for the duration of the block.

    Raises UserError if another web process of this home is running.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / FILE).open("a+") as file:
        if not _locked(file):
            raise served_already(url_of(home) or url)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "url": url, "service": service}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _locked(file: IO[str]) -> bool:
    """Lock the file and return whether that worked.

    Retries for a while, because a process that only queries the lock holds it for an instant.
    """
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def url_of(home: Path) -> str | None:
    """Return the ``http://HOST:PORT`` of the process that serves this home; None if there is none."""
    return _note(home).get("url")


def url_for(home: Path, service: str) -> str | None:
    """Return `url_of` if that process serves this service; None if it serves another, or belongs to another release."""
    found = _note(home)
    return found.get("url") if found.get("service") == service else None


def _note(home: Path) -> dict[str, str]:
    """Return the note of the running process; empty if there is none."""
    with suppress(OSError, ValueError, TypeError, AttributeError), (home / FILE).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return {name: str(value) for name, value in json.loads(file.read()).items()}
    return {}


def served_already(url: str) -> UserError:
    return UserError(f"the console for this folder is already running at {url}", "open it with `streamer web --open`")
