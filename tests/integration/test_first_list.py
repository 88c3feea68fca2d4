"""Test a shop owner's way (``docs/first-list.md``): a German spreadsheet file becomes a list of customers to contact."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[2] / "docs" / "first-list.md"


def _table(path: Path) -> set[str]:
    """Write 400 customers with 1,200 orders, in cp1252 with semicolons and decimal commas; return the inactive ones."""
    rng, end, lines = random.Random(7), datetime(2024, 6, 30), ["Bestellnr.;Datum;E-Mail;Summe;Artikel;Menge"]
    silent = set()
    number = 0
    for customer in range(400):
        email = f"kunde{customer}@käse.example"
        last = end - timedelta(days=rng.choice((3, 3, 3, 110)))
        if last < end - timedelta(days=100):
            silent.add(email)
        for order in range(3):
            number += 1
            at = last - timedelta(days=30 * order)
            lines.append(f"{number};{at:%d.%m.%Y} 10:00;{email.upper()};{rng.randint(10, 90)},50;Käse;0,350")
    lines.append(f"{number + 1};30.06.2024 12:00;kunde0@käse.example;1.234,50;Käse;1")
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    silent.discard("kunde0@käse.example")
    return silent


def _commands() -> list[list[str]]:
    """Return the commands of the page unchanged, except for the servers, because the tests' servers already run."""
    block = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines() if not line.startswith("streamer up")]


def _run(environment: Mapping[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamer.cli", *arguments],
        env={**environment, "PYTHONPATH": os.getcwd()},
        cwd=folder,
        capture_output=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_table_of_a_spreadsheet_becomes_a_list_in_four_commands(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    silent = _table(tmp_path / "orders.csv")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")} | {
        "STREAMER_KAFKA": addresses.kafka,
        "STREAMER_REDIS": redis_url,
        "STREAMER_TOPIC_PREFIX": prefix,
        "STREAMER_HOME": str(tmp_path / "home"),
        "STREAMER_LANES": "2",
        "STREAMER_CLOCK": "event",
        "STREAMER_METRICS_PORT": "0",
        "STREAMER_SESSION_SECONDS": "3",
    }
    look, take_in, members = _commands()
    looked = json.loads(_run(environment, tmp_path, *look, "--json").splitlines()[-1])
    imported = json.loads(_run(environment, tmp_path, *take_in, "--json").splitlines()[-1])
    assert looked["agrees"] and looked["looks"] == ["the rows are not in time order; that does no harm"]
    assert (looked["rows"], looked["customers"], looked["applied"]["orders"]) == (1_201, 400, 1_201)
    assert (imported["customers"], imported["orders"], imported["skipped"]) == (400, 1_201, {})
    assert imported["revenue_minor"] == looked["applied"]["order_money"]

    assert members[-2:] == [">", "at-risk.csv"]
    rows = list(csv.DictReader(io.StringIO(_run(environment, tmp_path, *members[:-2]))))
    answer = json.loads(_run(environment, tmp_path, "segments", "who", "recency_days >= 90", "--json"))
    assert {row["id"] for row in rows} == silent == {one["id"] for one in answer}
    assert all(row["since"] and row["last_order"] and row["next_segment"] == "hibernating" for row in rows)
    assert len(json.loads(_run(environment, tmp_path, "segments", "members", "at_risk", "--limit", "3", "--json"))) == 3
