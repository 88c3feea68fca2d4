"""Test the built wheel in an empty environment outside the checkout: `up`, `replay`, `down`.

The libraries are found on ``PYTHONPATH`` (those of this environment, of the versions locked), so nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
EVENT = (
    '{"event_id": "%d", "type": "order.completed", "customer_id": "%d", "occurred_at": "2024-03-02T10:00:00+01:00", \
"order_id": "%d", "total": 45.0, "currency": "EUR"}\n'
)
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "-w", str(folder), str(ROOT)], check=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def streamer(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Return a function that runs the installed command in an empty folder, with its own home."""
    desk = tmp_path_factory.mktemp("desk")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(desk / "venv")], check=True, timeout=60)
    python = desk / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, timeout=60)
    libraries = _libraries(desk / "libraries")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMER_", "VIRTUAL_ENV"))}
    environment: Mapping[str, str] = kept | {
        "PYTHONPATH": str(libraries),
        "STREAMER_HOME": str(desk / "home"),
        "STREAMER_METRICS_PORT": "0",
        "NO_COLOR": "1",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(python.parent / "streamer"), *arguments]
        return subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=120)

    yield run
    run("down")


def _libraries(folder: Path) -> Path:
    """Return the libraries of this environment without this project, which is an editable install here."""
    folder.mkdir()
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if "streamer" not in found.name.replace("faust_streaming", ""):
            (folder / found.name).symlink_to(found)
    return folder


def test_the_wheel_holds_the_three_packages_and_their_data(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert wheel.name.startswith("segment_streamer-")
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"streamer", "models", "schemas"}
    for needed in (
        "models/segments.toml",
        "streamer/adapters/redis_view.lua",
        "streamer/sources/mappings/shopify.toml",
    ):
        assert needed in names


def test_the_wheel_runs_outside_of_the_checkout(streamer: Command, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("".join(EVENT % (n, n, n) for n in range(1, 21)))
    replayed = streamer("replay", str(file), "--format", "jsonl", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["customers"] == 20
    up = streamer("up", "--json")
    assert up.returncode == 0, up.stderr
    assert set(json.loads(up.stdout)) >= {"kafka", "redis"}
    status = streamer("status", "--json")
    assert json.loads(status.stdout)["topics"] is False
    down = streamer("down")
    assert down.returncode == 0, down.stderr
