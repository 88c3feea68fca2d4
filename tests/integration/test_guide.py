"""Test ``docs/guide.md`` as a new user follows it: every command copied from the page, in order, in one shell.

The install is the page's own ``pip install`` of the working tree into a fresh virtual environment. The libraries it
asks for are found on ``PYTHONPATH`` (those of this environment, of the versions locked) and pip may use no index:
downloading some 300 MB again would take a minute and test the network. The servers are embedded ones that the page
starts itself, in a separate home.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from page_commands import started

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide.md"
PARTS = ("streamer", "models", "schemas", "pyproject.toml", "README.md", "LICENSE")
SECONDS = 240


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and its line number on the page."""

    language: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [Block(one[1], one[2], page.count("\n", 0, one.start()) + 1) for one in found]


def script(page: list[Block], folder: Path) -> str:
    """Build one shell script in which each block prints to a file named after its line."""
    parts = ["set -e"]
    for block in page:
        if block.language == "sh":
            output = folder / f"{block.line}.out"
            # A group in braces runs in the same shell, so `cd`, variables and background jobs persist.
            parts.append(f"echo running the block in line {block.line}\n{{\n{block.text}}} > {output}")
        elif block.language == "python":
            name = block.text.split("\n", 1)[0].removeprefix("# ")
            parts.append(f"cat > {name} <<'END_OF_PYTHON'\n{block.text}END_OF_PYTHON")
    return "\n".join(parts) + "\n"


def lines(text: str) -> list[str]:
    """Return the lines to compare: without times of day, unordered."""
    return sorted(re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", line.rstrip()) for line in text.splitlines())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with the project in ``streamer``; servers and workers started in it are stopped afterwards."""
    project = tmp_path / "streamer"
    project.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, project / part)
    yield tmp_path
    if (tmp_path / "home").exists():
        subprocess.run(
            [sys.executable, "-m", "streamer.cli", "down"], env=environment(tmp_path), check=False, capture_output=True
        )


def environment(desk: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMER_", "VIRTUAL_ENV"))}
    python = desk / "bin" / "python3"
    if not python.exists():
        # The page uses python3, which here is the one that runs this test, without its libraries.
        python.parent.mkdir()
        python.symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    return kept | {
        "PATH": f"{python.parent}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "STREAMER_HOME": str(desk / "home"),
        "STREAMER_METRICS_PORT": "0",
        "STREAMER_OWNER_METRICS_PORT": "0",
        "NO_COLOR": "1",
    }


def test_the_guide_leads_to_a_triggered_message(desk: Path) -> None:
    page = blocks(PAGE.read_text())
    log_path = desk / "page.log"
    with started(script(page, desk), desk, environment(desk), log_path) as shell:
        code = shell.wait(SECONDS)
        worker_log = desk / "shop" / "worker.log"
        log = log_path.read_text() + (worker_log.read_text()[-3000:] if worker_log.exists() else "")
        assert code == 0, log

        expected = 0
        for before, block in itertools.pairwise(page):
            if block.language != "text":
                continue
            expected += 1
            printed = (desk / f"{before.line}.out").read_text()
            missing = [line for line in lines(block.text) if line not in lines(printed)]
            assert not missing, f"{PAGE.name}, line {block.line}: not printed: {missing}\nbut:\n{printed}\n{log}"
        assert expected >= 3

        # The installed package ran, not this working tree.
        installed = list((desk / "shop" / ".venv").glob("lib/python*/site-packages/streamer/cli.py"))
        assert len(installed) == 1
        # `streamer down` of the last step left nothing running.
        assert (
            str(desk) not in subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
        )
