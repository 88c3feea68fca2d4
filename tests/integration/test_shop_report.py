"""Test `report`, and the reports at the end of `replay` and `import`: the same figures for the same data, on one page."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path

import pytest
from browser import CHROMIUM, WHY, tab
from command_line import CommandLine
from console_pages import AXE, LOOK, VIOLATIONS
from import_commands import Commands, commands_on, simulated

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

TOTALS = ("customers", "orders", "reversals", "revenue_minor", "changes", "segments")
ROW = re.compile(r'<th scope="row"><i class="c\d+b"></i>(.*?)</th><td>([\d,]+)</td><td>([+\-\d,]+)</td>')


@pytest.fixture
def commands(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Commands:
    return commands_on(addresses, redis_url, prefix, tmp_path / "home")


def figures(page: Path) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the totals of a page, and its segments with their sizes and changes."""
    text = page.read_text()
    return re.findall(r"<dd>(.*?)</dd>", text), [(unescape(a), b, c) for a, b, c in ROW.findall(text)]


@pytest.mark.timeout(240)
def test_a_report_has_the_figures_of_a_replay(commands: Commands, tmp_path: Path) -> None:
    pages = {name: tmp_path / f"{name}.html" for name in ("replay", "import", "report")}
    what = [str(simulated(tmp_path, customers=80, days=45)), "--format", "jsonl"]
    streamer = CommandLine(tmp_path, commands.variables)
    replayed = streamer.json("replay", *what, "--html", str(pages["replay"]))
    streamer.json("import", *what, "--report", str(pages["import"]))
    days = ["--from", "2025-01-01"]
    shown = streamer.json("report", *days, "--html", str(pages["report"]))
    assert {name: shown[name] for name in TOTALS} == {name: replayed[name] for name in TOTALS}
    for name, held in shown["period"].items():
        sizes = {row["id"]: row["customers"] for row in held["segments"] if row["customers"]}
        assert sizes == {id: n for id, n in replayed["segments"].get(name, {}).items() if n}
        assert sum(held["causes"].values()) == replayed["changes"].get(name, 0)
        # Everybody who is in a segment now entered it from somewhere, or stayed.
        assert {row["id"] for row in held["segments"] if row["before"]} == set()
        assert sum(one["customers"] for one in held["flows"] if one["to"]) == sum(sizes.values())
    assert figures(pages["replay"]) == figures(pages["import"]) == figures(pages["report"])
    totals, rows = figures(pages["report"])
    assert totals[:2] == [f"{replayed['customers']:,}", f"{replayed['orders']:,}"] and len(rows) > 10
    # Part of the period: the final sizes are the initial ones plus the moves between.
    part = streamer.json("report", "--from", "2025-01-11", "--to", "2025-01-20")
    before = streamer.json("report", *days, "--to", "2025-01-10")
    for name, held in part["period"].items():
        ends = {row["id"]: row["customers"] for row in before["period"][name]["segments"]}
        assert {row["id"]: row["before"] for row in held["segments"]} == ends
    wrong = streamer.run("report", "--from", "2025-02-01", "--to", "2025-01-01")
    assert wrong.exit_code == 1 and "is after --to" in wrong.stderr
    if CHROMIUM is None:
        pytest.skip(WHY)
    assert asyncio.run(faults(pages["report"], tmp_path)) == []


async def faults(file: Path, folder: Path) -> list[str]:
    """Return everything that is wrong with a file's page, wide and on a phone."""
    found: list[str] = []
    async with tab(folder) as page:
        for width, scheme in ((1280, "light"), (360, "dark")):
            await page.size(width)
            await page.scheme(scheme)
            await page.open(file.as_uri())
            found += (await page.run(LOOK))["found"]
            await page.run(f"{AXE}; 0")
            found += await page.run(VIOLATIONS)
        return [*found, *page.complaints, *(one for one in page.requests if not one.startswith("file:"))]
