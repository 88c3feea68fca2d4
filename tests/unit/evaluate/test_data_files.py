"""Test that `evaluate --data` reads what `import` reads, and writes its page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamer.cli import build
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the orders of a small shop as a spreadsheet has them."""
    path = tmp_path_factory.mktemp("shop") / "bestellungen <1>.csv"
    lines = ["Bestellnr;Kunde;Datum;Summe"]
    for event in Shop(ShopConfig(customers=250, days=270)).events():
        body = json.loads(event.value)
        if body["type"] == "order.completed":
            total = f"{body['total']:.2f}".replace(".", ",")
            lines.append(f"{body['order_id']};{body['customer_id']};{body['occurred_at']};{total}")
    lines.append("x;;2024-01-01;5,00")
    path.write_text("\n".join(lines), encoding="cp1252")
    return path


def test_a_table_without_a_mapping_is_judged_and_shown_as_a_page(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(build(), ["evaluate", "segments", "--data", str(table), "--json", "--html", "page.html"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    page = (tmp_path / "page.html").read_text()
    assert found["customers"] > 50 and f"{found['customers']:,} customers by segment" in page
    assert all(card["name"] in page for card in found["cards"])
    assert "&lt;1&gt;" in page and page.count("<figure") == 2
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|src=|href=|<script", page)
    # Rejected rows do not matter here: nothing is written next to the file.
    assert [one.name for one in table.parent.iterdir()] == [table.name]
