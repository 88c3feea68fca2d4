"""A shop owner's way (``docs/first-list.md``): a file from a German spreadsheet becomes a list of customers to write to."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

MAPPING = """
group = "Bestellnr."
[[event]]
[event.fields]
order_id = "Bestellnr."
customer_id = { column = "E-Mail", lower = true }
occurred_at = "Datum"
total = "Summe"
[event.lines]
product_id = "Artikel"
quantity = "Menge"
"""


def _table(path: Path) -> set[str]:
    """400 customers, 1,200 orders, in cp1252 with semicolons and decimal commas; gives who has been silent for long."""
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
    silent = _table(tmp_path / "bestellungen.csv")
    (tmp_path / "shop.toml").write_text(MAPPING)
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
    file = ("bestellungen.csv", "--format", "csv", "--mapping", "shop.toml", "--json")
    looked = json.loads(_run(environment, tmp_path, "replay", *file).splitlines()[-1])
    imported = json.loads(_run(environment, tmp_path, "import", *file).splitlines()[-1])
    same = ("rows", "customers", "orders", "revenue_minor", "skipped")
    assert {name: looked[name] for name in same} == {name: imported[name] for name in same}
    assert (imported["customers"], imported["orders"], imported["skipped"]) == (400, 1_201, {})

    rows = list(csv.DictReader(io.StringIO(_run(environment, tmp_path, "segments", "members", "at_risk", "--csv"))))
    asked = json.loads(_run(environment, tmp_path, "segments", "who", "recency_days >= 90", "--json"))
    assert {row["id"] for row in rows} == silent == {one["id"] for one in asked}
    assert all(row["since"] and row["last_order"] and row["next_segment"] == "hibernating" for row in rows)
    assert len(json.loads(_run(environment, tmp_path, "segments", "members", "at_risk", "--limit", "3", "--json"))) == 3
