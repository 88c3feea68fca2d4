"""Test ``bench``: the capacity of a new user's machine, on separate servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_it_measures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "streamer.cli", "bench", "--seconds", "5", "--json"],
        env={
            **os.environ,
            "TMPDIR": str(tmp_path),
            "STREAMER_HOME": str(tmp_path / "home"),
            "STREAMER_KAFKA": "localhost:1",
        },
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["events"] > 0
    assert found["events_a_second"] > 0
    assert 0 < found["customers"] <= 5_000
    assert found["customers_that_fit"] > 1_000
    assert list(tmp_path.iterdir()) == []
