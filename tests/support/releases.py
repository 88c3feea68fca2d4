"""The last release, built from git: what users run today, beside what this source tree makes of it."""

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
"""Newest first: ``version``, ``date``, ``commit``, and perhaps ``refuses``."""


@dataclass(frozen=True)
class Release:
    """A release that can be run: its source tree, and a Python with the dependencies that it was locked to.

    Programs of it need ``environment``, and ``tree`` as their folder: Python looks into the present folder first.

    Attributes
    ----------
    refuses
        What a worker of it says where it meets states of this source tree; None where it can read them all, so that
        workers of both can share the lanes.
    """

    version: str
    tree: Path
    python: Path
    refuses: str | None

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the release's own modules are found, not those of this source tree."""
        return {"PYTHONPATH": str(self.tree)}


@contextmanager
def last_release(folder: Path) -> Iterator[Release]:
    """The newest release in a scratch worktree inside ``folder``; skips the test where its history is missing."""
    newest = RELEASES[0]
    try:
        with scratch_tree(newest["commit"], folder) as tree:
            _install(tree, newest["version"])
            # The base of this virtual environment, so that nothing of it is found beside the release's own packages.
            base = Path(sys.base_prefix, "bin", f"python{HERE}")
            python = environment(base, HERE, tree / "deploy" / "requirements.lock")
            yield Release(newest["version"], tree, python, newest.get("refuses"))
    except NoTree as error:
        pytest.skip(f"release {newest['version']} cannot be built, so nothing was tried against it: {error}")


def _install(tree: Path, version: str) -> None:
    """The metadata in which a program finds its own version, as an installed package has it."""
    folder = tree / f"streamer-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: streamer\nVersion: {version}\n")
