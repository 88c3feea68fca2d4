"""Test that the last release is recorded, and can be built and run from git."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from releases import RELEASES, Release, last_release

ROOT = Path(__file__).parents[3]
VERSIONS = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_changelog_and_the_list_of_releases_agree() -> None:
    assert [(one["version"], str(one["date"])) for one in RELEASES] == VERSIONS
    assert all(re.fullmatch("[0-9a-f]{40}", one["commit"]) for one in RELEASES)


def test_changes_since_the_last_release_stand_above_it() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_the_last_release_runs_with_modules_of_its_own(tmp_path: Path) -> None:
    program = "import streamer, models, schemas; print(streamer.__path__[0], models.__path__[0], schemas.__path__[0])"
    with last_release(tmp_path) as release:
        found = _run(release, "-c", program)
        assert [Path(place).parent for place in found.split()] == [release.tree] * 3
        assert "--no-supervise" in _run(release, "-m", "streamer", "worker", "--help")
    assert not release.tree.exists()


def _run(release: Release, *arguments: str) -> str:
    done = subprocess.run(
        [release.python, *arguments],
        env={**os.environ, **release.environment},
        cwd=release.tree,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
