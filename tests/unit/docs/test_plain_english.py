"""Test that pages, docstrings, comments, help and errors have no phrases that read translated."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[3]
_TRANSLATED: Final = re.compile(
    r"(is|are|was|were) told|of whom|of which|as it is|none of (which|whom)|whoever|what is (said|shown|told|kept)|\bmend\w*",
    re.IGNORECASE,
)
_OLD_FIELD: Final = re.compile(r'"mend(ed)?"|\bmend[=:]|^\s*mend$|`mend`|--mend\b|\b(now|or)\.?\s?\.?mend\b')
"""``mend`` of an alert and ``mended`` of ``topics check`` are published names; release 0.1.0 had no others."""


def phrases(line: str) -> list[str]:
    """Return the translated phrases of a line.

    >>> phrases("An alert is told to whoever runs the shop"), phrases("The worker raises an alert.")
    (['is told', 'whoever'], [])
    >>> phrases('"mend": "see the runbook"'), phrases("mend the producer")
    ([], ['mend'])
    """
    return [found.group() for found in _TRANSLATED.finditer(_OLD_FIELD.sub("", line))]


def test_the_published_field_alone_is_let_through() -> None:
    assert phrases("    mend: Text") == phrases("    mend") == phrases("now.hint == now.mend") == []
    assert phrases("what mends it, and how to mend") == ["mends", "mend"]
    assert phrases("Whoever was told, as it is") == ["Whoever", "was told", "as it is"]


@pytest.mark.parametrize("kind", ["*.py", "*.md", "*.toml", "*.yml", "*.yaml"])
def test_no_line_reads_translated(kind: str) -> None:
    listed = subprocess.run(["git", "ls-files", "-z", kind], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert paths or kind == "*.yaml"
    found = [
        f"{path.relative_to(ROOT)}:{number}: {', '.join(words)}"
        for path in paths
        if path != Path(__file__) and path.exists()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (words := phrases(line))
    ]
    assert not found, "say who does what instead:\n" + "\n".join(found)
