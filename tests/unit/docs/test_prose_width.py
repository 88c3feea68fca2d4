"""Test that the documentation's prose is wrapped, so that a changed word shows as one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WIDTH = 120
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
# Chinese has no blanks to break at, and its characters are twice as wide.
ENGLISH = [page for page in PAGES if "zh" not in page.parts]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Return lines with their numbers, without those of code, tables and comments."""
    fenced = comment = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.lstrip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
        elif comment or bare.startswith("<!--"):
            comment = "-->" not in bare
        elif not fenced and not bare.startswith("|"):
            yield number, line


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped(page: Path) -> None:
    long = [(number, line) for number, line in prose(page.read_text()) if len(line) > WIDTH]
    assert [number for number, line in long if not cannot_be_broken(line)] == []


def cannot_be_broken(line: str) -> bool:
    """Return a picture, or a command in one span of code."""
    return line.startswith("![") or (line.count("`") == 2 and len(line.split("`")[1]) > WIDTH - 30)
