"""Test that replay, import, and an import interrupted three times yield the same result, customer for customer.

`make same-picture` runs them on Online Retail and three simulated shops, with production timeouts; elsewhere one
interrupted import of one shop is enough. RETAIL_ROWS=150000 uses only the first rows of Online Retail, until April 2011.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from import_commands import Commands, commands_on, simulated, wait
from retail import retail

from streamer.adapters.group import member_count
from streamer.embedded import Addresses
from streamer.imports import learning

pytestmark = pytest.mark.integration

WHOLE = "SAME_PICTURE" in os.environ
SHOPS: dict[str, dict[str, Any]] = {
    "noisy": {"seed": 3, "late": 0.02, "duplicates": 0.02, "broken": 0.003},
    "lifelike": {"seed": 4, "scenario": "lifelike"},
    "shock": {"seed": 5, "scenario": "shock"},
}


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


def pictures(path: Path) -> dict[str, dict[str, str]]:
    """Return every segment of every customer, in every segmentation."""
    return {one["customer_id"]: one["segments"] for one in map(json.loads, path.read_text().splitlines())}


def shop(name: str) -> Callable[[Path], list[str]]:
    """Write a file of a shop that is old and large enough for clusters."""
    customers, days = (400, 200) if WHOLE else (300, 125)
    return lambda folder: [str(simulated(folder, customers, days, **SHOPS[name])), "--format", "jsonl"]


def online_retail(folder: Path) -> list[str]:
    path, rows = retail("online_retail.csv.gz"), int(os.environ.get("RETAIL_ROWS", "0"))
    if rows:
        with gzip.open(path, "rb") as whole:
            path = folder / "part.csv"
            path.write_bytes(b"".join(islice(whole, 1 + rows)))
    return [str(path), "--format", "online-retail"]


FILES: dict[str, Callable[[Path], list[str]]] = {name: shop(name) for name in SHOPS} | {"online-retail": online_retail}
CASES = [(name, breaks) for name in FILES for breaks in (0, 3)] if WHOLE else [("shock", 1)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "breaks"), CASES)
def test_an_import_gives_the_segments_of_a_replay(commands: Commands, tmp_path: Path, name: str, breaks: int) -> None:
    what = FILES[name](tmp_path)
    replayed = commands.run("replay", *what, "--memberships", str(tmp_path / "replay"))
    assert "behaviour" in replayed["segments"], "a shop without clusters shows nothing"
    for number in range(breaks):
        done = replayed["records"] * (number + 1) // (breaks + 1)
        process = commands.start("import", *what)
        wait(process, partial(commands.has_consumed, done))
        process.send_signal((signal.SIGKILL, signal.SIGINT, signal.SIGTERM)[number % 3])
        process.communicate(timeout=120)
        assert process.returncode, "it was through already, so this shows nothing"
    imported = commands.run("import", *what, "--memberships", str(tmp_path / "import"))
    assert pictures(tmp_path / "import") == pictures(tmp_path / "replay")
    assert imported["segments"] == replayed["segments"]
    assert imported["changes"] == replayed["changes"]
    assert imported["revenue_minor"] == replayed["revenue_minor"]


@pytest.mark.timeout(300)
def test_without_an_owner_an_import_says_so_and_goes_on(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not WHOLE:
        monkeypatch.setattr(learning, "PATIENCE_SECONDS", 3.0)
    what = [str(simulated(tmp_path, customers=60, days=20)), "--format", "jsonl"]
    replayed = commands.run("replay", *what)
    worker = commands.start("worker", "--role", "lanes")
    try:
        group = f"{commands.prefix}.streamer"
        wait(worker, lambda: member_count(commands.environment["STREAMER_KAFKA"], group) > 0)
        begun = time.monotonic()
        done = CommandLine(tmp_path, commands.variables).run("import", *what, "--json")
        seconds = time.monotonic() - begun
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert done.exit_code == 0, done.stderr
    patience = learning.PATIENCE_SECONDS
    assert seconds >= patience
    message = f"no model owner has answered for {patience:.0f} s; going on without behaviour clusters"
    assert done.stderr.count(message) == 1
    assert json.loads(done.stdout.splitlines()[-1])["applied"] == replayed["applied"]
