"""Test ``demo``: a stranger's first minute, on separate servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.integration


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    environment |= {"STREAMER_HOME": str(home), "STREAMER_LANES": "2"}
    return subprocess.Popen(
        [sys.executable, "-m", "streamer.cli", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(home: Path) -> list[str]:
    """Return the command lines of processes that use this home or were started from it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home) in line or f"STREAMER_HOME={home}".encode() in environment:
            found.append(line)
    return found


def wait_until_gone(home: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_of(home):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_two_demos_on_one_home_each_show_changes_and_leave_nothing_running(tmp_path: Path) -> None:
    results: list[dict[str, Any]] = []
    taken: list[int] = []
    for _ in range(2):
        process = start(tmp_path, "--seconds", "20", "--customers", "60", "--rate", "40", "--json")
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        results.append(json.loads(out.splitlines()[-1]))
        assert processes_of(tmp_path) == []
        logs = [path for path in (tmp_path / "kafka").glob("*/*.log") if not path.parent.name.startswith("__")]
        taken.append(sum(path.stat().st_size for path in logs))
    for result in results:
        assert result["exit"] == "ok"
        assert sum(result["changes"].values()) > 0
        known = result["applied"] + result["duplicates"] + result["rerouted"] + result["control"]
        assert result["records"] == known + sum(result["dead_letters"].values())
        assert result["kafka"]["embedded"] and result["redis"]["embedded"]
        assert result["redis"]["server"] == "valkey"
        latency = result["append_to_change_seconds"]
        assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
        # Each run starts from scratch.
        assert sum(result["segments"]["lifecycle"].values()) == result["customers"] > 0
    # The first run's data is gone from the disk.
    assert taken[1] / results[1]["records"] < 1.5 * taken[0] / results[0]["records"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--customers", "60")
    assert process.stderr is not None
    console, changed = "", False
    at: dict[str, float] = {}
    while not (console and changed):
        line = process.stderr.readline()
        at |= {name: time.monotonic() for name, there in (("console", console), ("changed", changed)) if not there}
        assert line, "it ended before it showed customers who move, and its console"
        changed = changed or ("changes" in line and not line.rstrip().endswith(" 0 changes"))
        console = console or line.removeprefix("Console: ").strip() * line.startswith("Console: ")
    # One second is the goal; the screen prints the changes once a second.
    assert at["console"] <= at["changed"] + 2
    with urlopen(console, timeout=30) as page:
        # The link sets a cookie and leads to the first page, which knows this shop.
        assert page.status == 200
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 0, errors
        assert "streamer up" in out
    wait_until_gone(tmp_path)
