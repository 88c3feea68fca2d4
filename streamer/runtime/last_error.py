"""Store the last error that ended a worker on this machine, for ``status`` to show when no worker is running.

It is kept in the folder for temporary files, because Kafka and Redis may both be unavailable when a worker ends.
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
    """Time (RFC 3339) and reason of a worker's end."""

    at: str
    why: str


def path_of(group: str) -> Path:
    """Return the file of the service with the consumer group ``group``, which is unique on the machine."""
    return Path(tempfile.gettempdir()) / f"streamer-{os.getuid()}-{group}.error.json"


def note(group: str, why: str) -> None:
    """Write the error, best effort."""
    body = json.dumps({"at": iso(time.time_ns() // 1_000_000), "why": why[:2_000]}).encode()
    try:
        # Others may write to this folder, so never follow a link they put there.
        held = os.open(path_of(group), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(held, body)
        finally:
            os.close(held)
    except OSError:
        pass


def read(group: str) -> LastError | None:
    """Return the last error noted by this user, or None."""
    path = path_of(group)
    try:
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return None
        found = json.loads(path.read_bytes())
        return LastError(str(found["at"]), str(found["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
