"""Test counting instructions of another source tree: results return through C, and a missing benchmark is reported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import counted


def test_what_goes_through_c_comes_back() -> None:
    assert counted.through_c(lambda: [1, "two"]) == [1, "two"]


def test_an_error_goes_through_c() -> None:
    with pytest.raises(ValueError, match="gone"):
        counted.through_c(lambda: int("gone"))


@pytest.mark.parametrize("heart", [None, "", "def _run(log, batch, sampler): ..."])
def test_a_tree_without_such_a_benchmark_says_so(tmp_path: Path, heart: str | None) -> None:
    if heart is not None:
        (tmp_path / "benchmarks").mkdir()
        (tmp_path / "benchmarks" / "__init__.py").touch()
        (tmp_path / "benchmarks" / "recorded.py").write_text("recorded = None")
        (tmp_path / "benchmarks" / "heart.py").write_text(heart)
    command = [sys.executable, "-S", str(counted.__file__), str(tmp_path), "log", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == counted.NO_ENTRY, done.stderr
    assert f"{tmp_path} has no benchmark that can be counted" in done.stdout
