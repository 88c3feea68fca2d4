"""Passes with which commands on this machine call their home's web process without a token.

A pass is an instant, signed with the key of the home's console. A user who can read that key can open the console
anyway, so a pass grants nothing new. It expires after a minute, and the key itself is never sent.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = "console"
"""Folder of the key within STREAMER_HOME."""
SECONDS: Final = 60
_PREFIX: Final = "home_"
_KEY_BYTES: Final = 32


def make(home: Path, now: float | None = None) -> str:
    """Return a pass for this home's web process; ``now`` in seconds. Raises OSError if the key cannot be read."""
    made = str(int(time.time() if now is None else now))
    return f"{_PREFIX}{made}_{signed(home, 'pass', made)}"


def admits(home: Path, text: str, now: float | None = None) -> bool:
    """Return whether a text is a pass of this home that has not expired."""
    if not text.startswith(_PREFIX):
        return False
    made, _, signature = text.removeprefix(_PREFIX).partition("_")
    if not (made.isascii() and made.isdigit() and len(made) < 16):
        return False
    age = (time.time() if now is None else now) - int(made)
    return -1 <= age <= SECONDS and hmac.compare_digest(signature.encode(), signed(home, "pass", made).encode())


def signed(home: Path, what: str, body: str) -> str:
    """Return the home's signature of a text, in hexadecimal; ``what`` separates different uses."""
    return hmac.new(_key(home / FOLDER), f"{what}/{body}".encode(), hashlib.sha256).hexdigest()


def write_new(place: Path, body: bytes) -> None:
    """Write a new file that only its owner can read, atomically. Raises FileExistsError."""
    draft = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(body)
    try:
        os.link(draft, place)
    finally:
        draft.unlink()


def _key(folder: Path) -> bytes:
    """Read the key each time, so that deleting the file ends the sessions of a running process."""
    place = folder / "key"
    with suppress(FileNotFoundError):
        return place.read_bytes()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        write_new(place, secrets.token_bytes(_KEY_BYTES))
    return place.read_bytes()
