"""Test each remedy in ``docs/wrong-file.md``, in a service with its own servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wrong-file.md"
MAPPING = """
[[event]]
[event.fields]
order_id = "Order"
customer_id = "Customer"
occurred_at = "Date"
total = "COLUMN"
"""
ORDERS = "Order,Customer,Date,Net,Total\n1,ada,2024-01-05,8.40,10.00\n2,bo,2024-01-06,16.80,20.00\n"
WRONG = "order_id,customer,date,total\n7,ada,2024-02-05,500.00\n8,zoe,2024-02-06,900.00\n"

Shell = Callable[[str], str]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Return a function that runs shell lines in a folder with its own service, and returns what they print."""
    command = tmp_path / "bin" / "streamer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m streamer.cli "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    environment = kept | {
        "PATH": f"{command.parent}{os.pathsep}{kept['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
        "STREAMER_HOME": str(tmp_path / "home"),
        "STREAMER_LANES": "1",
        "STREAMER_METRICS_PORT": "0",
        "STREAMER_SESSION_SECONDS": "3",
    }

    def run(lines: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", lines], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        yield run
    finally:
        subprocess.run([command, "down"], env=environment, capture_output=True, check=False)


def test_each_way_back_leads_back(shell: Shell, tmp_path: Path) -> None:
    anew, again, undo = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "wrong.csv").write_text(WRONG)
    (tmp_path / "net.toml").write_text(MAPPING.replace("COLUMN", "Net"))
    (tmp_path / "right.toml").write_text(MAPPING.replace("COLUMN", "Total"))
    (tmp_path / "right.csv").write_text(ORDERS.replace("Net", "Tax"))

    def buyers(condition: str) -> list[str]:
        found = json.loads(shell(f"streamer segments who '{condition}' --json"))
        return sorted(one["id"] for one in found)

    shell("streamer up; streamer import orders.csv --mapping net.toml; streamer import wrong.csv --yes")
    assert buyers("spend >= 500") == ["ada", "zoe"]
    shell(undo)
    assert "zoe" in (tmp_path / "strangers.csv").read_text()
    assert buyers("orders = 1 and spend < 17") == ["ada", "bo"]
    shell(again)
    assert buyers("orders = 1 and spend >= 10") == ["ada", "bo"]
    shell(anew)
    assert buyers("spend >= 0") == ["ada", "bo"] == buyers("orders = 1 and spend >= 10")
