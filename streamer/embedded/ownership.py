"""Track ownership of folders, so that nothing is deleted or overwritten that streamer did not create.

A home and each folder in it contain a marker, a small file named ``.streamer``. Homes of earlier versions get theirs
when they are recognised by the settings or records that those versions wrote.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.errors import UserError

MARKER: Final = ".streamer"
FOLDERS: Final = ("kafka", "redis", "kafka.tmp", "kafka.draft")
"""Data of the servers, and folders recreated at every start."""

_FILES: Final = (
    *("kafka.properties", "kafka.draft.properties", "kafka.json", "redis.json"),
    *("kafka.log", "kafka.log.1", "redis.log", "redis.log.1"),
)
_LOCK: Final = "lock"
_TEXT: Final = "# streamer made this folder for its embedded servers and may remove what is in it.\n"
_OWN_FOLDER: Final = "set STREAMER_HOME to an empty folder, or move what is there to another place"


def is_ours(folder: Path) -> bool:
    """Return whether a folder has the marker."""
    return (folder / MARKER).is_file()


def mark(folder: Path, more: str = "") -> None:
    """Mark a folder as ours; ``more`` is written below the marker's first line."""
    folder.mkdir(parents=True, exist_ok=True)
    marker, text = folder / MARKER, _TEXT + more
    if not marker.exists() or marker.read_text(errors="replace") != text:
        marker.write_text(text)


def marked(folder: Path) -> str:
    """Return the marker's text below its first line; empty without a marker."""
    try:
        return (folder / MARKER).read_text(errors="replace").partition("\n")[2]
    except OSError:
        return ""


def is_empty(folder: Path) -> bool:
    """Return whether a folder is missing or holds nothing but our marker."""
    try:
        return all(entry.name == MARKER for entry in folder.iterdir())
    except FileNotFoundError:
        return True


def discard(folder: Path) -> None:
    """Delete one of our folders with its content.

    Raises
    ------
    UserError
        The folder is neither ours nor empty.
    """
    if not folder.exists():
        return
    if not is_ours(folder) and not is_empty(folder):
        raise not_ours(folder)
    shutil.rmtree(folder)


def holds_anything(home: Path) -> bool:
    """Return whether our servers ever ran in a folder, whether or not they run now."""
    return is_ours(home) or _of_a_version_before(home)


def claim(home: Path) -> None:
    """Make a folder the home of embedded servers.

    Raises
    ------
    UserError
        The folder has an entry whose name we need and that we did not create.
    """
    if is_ours(home):
        return
    if _of_a_version_before(home):
        mark(home)
        for name in FOLDERS:
            if (home / name).is_dir() and not is_ours(home / name):
                mark(home / name)
        return
    foreign = next(_in_the_way(home), None)
    # Another process may have claimed it meanwhile.
    if foreign is not None and not is_ours(home):
        raise not_ours(foreign)
    mark(home)


def _in_the_way(home: Path) -> Iterator[Path]:
    for name in FOLDERS:
        if not is_ours(home / name) and (home / name).is_dir() and not is_empty(home / name):
            yield home / name
    for name in (*_FILES, _LOCK):
        if (home / name).exists():
            yield home / name


def _of_a_version_before(home: Path) -> bool:
    """Return whether a folder has the Kafka settings or the server record of an earlier version."""
    try:
        settings = (home / "kafka.properties").read_text(errors="replace")
    except OSError:
        settings = ""
    if "inter.broker.listener.name=LOCAL\n" in settings and "process.roles=broker,controller\n" in settings:
        return True
    for name in ("kafka.json", "redis.json"):
        try:
            if json.loads((home / name).read_text()).keys() == {"pid", "ports", "kept"}:
                return True
        except (OSError, ValueError, AttributeError):
            continue
    return False


def not_ours(path: Path) -> UserError:
    return UserError(f"{path} already exists, and streamer did not create it; nothing was changed", _OWN_FOLDER)
