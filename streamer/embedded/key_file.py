"""Manage keys that the service creates once in its home folder, readable only by its owner."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from schemas.errors import UserError

CONTROL_KEY: Final = "control.key"


def own_key(home: Path, name: str, hint: str) -> bytes:
    """Return the content of a key file, creating it if missing. Concurrent callers get the same key.

    Raises
    ------
    UserError
        The file cannot be created or read; the error includes ``hint``.
    """
    path = home / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{path} cannot be used: {error.strerror}", hint) from error


def own_control_key(home: Path) -> bytes:
    """Return the key of control records in a home folder, creating it if missing."""
    return own_key(home, CONTROL_KEY, "set STREAMER_CONTROL_KEY, or STREAMER_HOME")


def _make(path: Path) -> None:
    # Write to a temporary file and link it, so that nobody reads half a key.
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.") as draft:
        draft.write(secrets.token_hex(32).encode() + b"\n")
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, path)
