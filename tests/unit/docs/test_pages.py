"""Test the pages: their links lead somewhere, their tables match the code, and both languages agree."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from streamer.config.chinese import MEANINGS
from streamer.config.settings import Settings

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
PAGES = (*READMES, *sorted(DOCS.rglob("*.md")))
PAIRS = [
    READMES,
    *((DOCS / name, DOCS / "zh" / name) for name in ("api.md", "collector.md", "guide.md", "segments.md")),
]
README_BYTES = 12_000
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"\s+# .*$", re.MULTILINE)


def headings(text: str) -> list[int]:
    """Return the levels of the headings, in order."""
    return [len(match) for match in re.findall(r"^(#+) ", _BLOCK.sub("", text), re.MULTILINE)]


def blocks(path: Path) -> list[str]:
    """Return the blocks of code, without their comments."""
    return [_COMMENT.sub("", block) for block in _BLOCK.findall(path.read_text(encoding="utf-8"))]


def links(text: str) -> set[str]:
    """Return the targets of links to files of the project."""
    return {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", text)) if ":" not in link}


def tables() -> ModuleType:
    """Return the program that writes the tables, which is next to the pages and belongs to no package."""
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    missing = {link for link in links(page.read_text(encoding="utf-8")) if link and not (page.parent / link).exists()}
    assert not missing, f"{page.name} links to nothing at {sorted(missing)}"


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_a_readme_stays_short(page: Path) -> None:
    assert page.stat().st_size <= README_BYTES, "move what is not for a first reader into docs/"


def test_readmes_link_to_each_other_at_the_top() -> None:
    english, chinese = (page.read_text(encoding="utf-8").split("##")[0] for page in READMES)
    assert "[简体中文](README.zh-CN.md)" in english and "[English](README.md)" in chinese


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1].relative_to(ROOT).as_posix())
def test_both_languages_have_the_same_commands(pair: tuple[Path, Path]) -> None:
    english, chinese = pair
    assert blocks(chinese) == blocks(english), f"copy the blocks of {english.name} into {chinese.name}"


def test_commands_of_the_chinese_page_about_plays_stand_in_the_english_one() -> None:
    assert set(blocks(DOCS / "zh" / "plays.md")) <= set(blocks(DOCS / "plays.md"))


def test_readmes_have_the_same_chapters() -> None:
    english, chinese = (headings(page.read_text(encoding="utf-8")) for page in READMES)
    assert chinese == english


@pytest.mark.parametrize("page", [READMES[1], *sorted((DOCS / "zh").glob("*.md"))], ids=lambda page: page.name)
def test_a_chinese_page_is_chinese(page: Path) -> None:
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>", "", _BLOCK.sub("", page.read_text(encoding="utf-8")))
    assert len(re.findall(r"[\u4e00-\u9fff]", prose)) > len(re.findall(r"[A-Za-z]", prose)) / 2


def test_tables_are_those_of_the_code() -> None:
    program = tables()
    old = [path.name for path in program.pages() if program.renewed(path.read_text("utf-8")) != path.read_text("utf-8")]
    assert not old, f"`make documents` renews {old}"


def test_every_setting_has_a_meaning_in_both_languages() -> None:
    assert MEANINGS.keys() == Settings.model_fields.keys()
    assert all(field.description for field in Settings.model_fields.values())


def test_the_index_names_every_page() -> None:
    index = links((DOCS / "README.md").read_text(encoding="utf-8"))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= index
