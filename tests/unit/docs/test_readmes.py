"""Both READMEs say the same: whoever changes one changes the other."""

from __future__ import annotations

import re
from pathlib import Path

from streamer.config.settings import Settings
from streamer.config.settings_sources import variable

ROOT = Path(__file__).parents[3]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def headings(text: str) -> list[int]:
    """Levels of the headings, in order."""
    return [len(match) for match in re.findall(r"^(#+) ", _BLOCK.sub("", text), re.MULTILINE)]


def tables(text: str) -> list[tuple[int, int]]:
    """Rows and columns of the tables, in order."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", _BLOCK.sub("", text), re.MULTILINE)
    return [(len(table.splitlines()), table.splitlines()[1].count("|")) for table in found]


def links(text: str) -> set[str]:
    """Where links to files of the project lead."""
    return set(re.findall(r"\]\(([^)#:]+)\)", text))


def test_each_links_to_the_other_at_its_top() -> None:
    assert "[简体中文](README.zh-CN.md)" in ENGLISH.split("##")[0]
    assert "[English](README.md)" in CHINESE.split("##")[0]


def test_both_have_the_same_headings_tables_and_links() -> None:
    assert headings(CHINESE) == headings(ENGLISH), "a chapter is in one README and not in the other"
    assert tables(CHINESE) == tables(ENGLISH), "a row of a table is in one README and not in the other"
    assert links(CHINESE) - {"README.md"} == links(ENGLISH) - {"README.zh-CN.md"}
    for link in links(CHINESE):
        assert (ROOT / link).exists(), link


def test_both_have_the_same_code_blocks() -> None:
    ours, theirs = _BLOCK.findall(CHINESE), _BLOCK.findall(ENGLISH)
    assert len(ours) == len(theirs)
    for chinese, english in zip(ours, theirs, strict=True):
        assert chinese == english, "copy the block of README.md into README.zh-CN.md"


def test_both_name_every_setting() -> None:
    names = {variable(field) for field in Settings.model_fields}
    for text in (ENGLISH, CHINESE):
        assert {name for name in names if f"| `{name}` |" not in text} == set()


def test_the_chinese_one_is_chinese() -> None:
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>", "", _BLOCK.sub("", CHINESE))
    chinese = len(re.findall(r"[\u4e00-\u9fff]", prose))
    assert chinese > 4_000 and chinese > len(re.findall(r"[A-Za-z]", prose))
