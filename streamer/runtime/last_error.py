"""The last error that ended a worker on this machine, for ``status`` to show when no worker runs.

In the folder for temporary files, since neither Kafka nor Redis need be there when a worker ends.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from schemas.wire_time import iso


class LastError(NamedTuple):
    """When (RFC 3339) and why a worker ended."""

    at: str
    why: str


def path_of(group: str) -> Path:
    """The file of a service; ``group`` is its consumer group, which no other service on the machine shares."""
    return Path(tempfile.gettempdir()) / f"streamer-{os.getuid()}-{group}.error.json"


def note(group: str, why: str) -> None:
    """Write it down; best effort."""
    body = json.dumps({"at": iso(time.time_ns() // 1_000_000), "why": why[:2_000]}).encode()
    try:
        # Others may write to the folder: never through a link that somebody put there.
        held = os.open(path_of(group), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(held, body)
        finally:
            os.close(held)
    except OSError:
        pass


def read(group: str) -> LastError | None:
    """What was noted last, by this user; None for nothing."""
    path = path_of(group)
    try:
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return None
        found = json.loads(path.read_bytes())
        return LastError(str(found["at"]), str(found["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
