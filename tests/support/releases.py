"""Build the last release from git: what users run today, beside this source tree."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pythons import HERE, environment

from benchmarks.trees import NoTree, scratch_tree

RELEASES: tuple[Mapping[str, Any], ...] = tuple(
    tomllib.loads(Path(__file__).with_name("releases.toml").read_text())["release"]
)
"""Newest first: ``version``, ``date``, ``commit`` and, optionally, ``refuses``."""


@dataclass(frozen=True)
class Release:
    """A release that can be run: its source tree, and a Python with its locked dependencies.

    Its programs need ``environment``, and ``tree`` as their folder, because Python searches the working folder first.

    Attributes
    ----------
    refuses
        Message of its workers when they meet states of this source tree; None if they can read them all, so that
        workers of both can share the lanes.
    """

    version: str
    tree: Path
    python: Path
    refuses: str | None

    @property
    def environment(self) -> dict[str, str]:
        """Return variables with which the release's own modules are found, not those of this source tree."""
        return {"PYTHONPATH": str(self.tree)}


@contextmanager
def last_release(folder: Path) -> Iterator[Release]:
    """Yield the newest release in a scratch worktree in ``folder``. Skips the test if its history is missing."""
    newest = RELEASES[0]
    try:
        with scratch_tree(newest["commit"], folder) as tree:
            _install(tree, newest["version"])
            # Use the base of this virtual environment, so that nothing of it is found beside the release's own
            # packages.
            base = Path(sys.base_prefix, "bin", f"python{HERE}")
            python = environment(base, HERE, tree / "deploy" / "requirements.lock")
            yield Release(newest["version"], tree, python, newest.get("refuses"))
    except NoTree as error:
        pytest.skip(f"release {newest['version']} cannot be built, so nothing was tried against it: {error}")


def _install(tree: Path, version: str) -> None:
    """Write the metadata in which a program finds its own version, as an installed package has it."""
    folder = tree / f"streamer-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: streamer\nVersion: {version}\n")
