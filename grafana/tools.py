"""Finds the real ``prometheus`` and ``promtool``: on the PATH, in our cache, or in Debian's package ``prometheus``.

The package is unpacked into the user's cache and not installed, so no service starts and no root is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from streamer.embedded.home import cache_folder

_SECONDS = 180


class MissingTool(Exception):
    """The program is missing and could not be fetched; the message has the reason."""


def find(name: Literal["prometheus", "promtool"]) -> Path:
    """Return the path of the program. Raises MissingTool."""
    if (there := shutil.which(name)) is not None:
        return Path(there)
    home = cache_folder() / "prometheus-deb"
    if not (home / "usr/bin" / name).is_file():
        _unpack(home)
    return home / "usr/bin" / name


def _unpack(home: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise MissingTool("install Prometheus, so that prometheus and promtool are on the PATH")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".prometheus-") as folder:
        # A machine that never fetched the package lists has none, and only root may fetch them.
        if not _run(folder, "apt-get", "download", "prometheus") and os.geteuid() == 0:
            _run(folder, "apt-get", "update")
            _run(folder, "apt-get", "download", "prometheus")
        packages = [str(path) for path in Path(folder).glob("prometheus_*.deb")]
        if not packages:
            raise MissingTool("`apt-get download prometheus` gave nothing; is there a network, and a package list?")
        unpacked = Path(folder) / "x"
        if not _run(folder, "dpkg", "-x", packages[0], str(unpacked)):
            raise MissingTool(f"{packages[0]} cannot be unpacked")
        shutil.rmtree(home, ignore_errors=True)
        unpacked.rename(home)


def _run(folder: str, *command: str) -> bool:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
