"""Test that the table of exit codes in docs/operations.md names each exit code of the program, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamer.commands import common
from streamer.runtime import app, supervise

DOCS = Path(__file__).parents[3] / "docs"
CODES = {
    value for module in (common, app, supervise) for name, value in vars(module).items() if name.startswith("EXIT_")
}


@pytest.mark.parametrize("page", ["operations.md", "zh/operations.md"])
def test_the_table_has_each_code(page: str) -> None:
    rows = re.findall(r"^\| (\d+)(?: (?:to|至) (\d+))? \|", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    named = {code for first, last in rows for code in range(int(first), int(last or first) + 1)}
    assert named >= {0, 2} | CODES
