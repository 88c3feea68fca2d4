"""Locate the folders of the embedded servers' data and of caches."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Progress = Callable[[str], None]
"""Called with one short line whenever a longer operation begins or progresses."""


def silent(_: str) -> None:
    """Ignore progress."""


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the data folder: ``STREAMER_HOME``, or the user's data folder for ``streamer``."""
    if given := environ.get("STREAMER_HOME"):
        return Path(given).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "streamer"
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "streamer"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of files that may be deleted at any time: checked jar paths and the class archive.

    There is one per user rather than per home, so that a new home starts as fast as an old one.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "streamer"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamer"
