"""Test opening a source from a path and a format, and errors that explain what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.sources.jsonl import JsonLines
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.open_source import FORMATS, open_source


def test_a_format_names_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert isinstance(open_source(path, "jsonl"), JsonLines)
    assert isinstance(open_source(str(path), "online-retail"), OnlineRetail)


def test_an_unknown_format_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown format 'xml'") as raised:
        open_source(tmp_path, "xml")
    assert all(name in raised.value.hint for name in FORMATS)


@pytest.mark.parametrize(("name", "words"), [("missing", "does not exist"), (".", "is a folder")])
def test_what_is_no_file_is_reported(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        open_source(tmp_path / name, "jsonl")
