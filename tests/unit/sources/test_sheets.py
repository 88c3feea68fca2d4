"""Test that a workbook with a sheet for each month is one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook

from schemas.errors import UserError
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

HEAD = ("Order", "Customer", "Date", "Total")
MAY = [HEAD, (1, "a", "2024-05-05", 10.5), (2, "b", "2024-05-06", 20)]
JUNE = [("My shop",), (), HEAD, (3, "a", "2024-06-06", 5.25)]
PRESENT = 1_800_000_000_000


def book(folder: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> Path:
    made = Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = folder / "shop.xlsx"
    made.save(path)
    return path


def opened(path: Path, more: str = "") -> MappedFile:
    text = propose(path).mapping
    assert text is not None
    return MappedFile(path, read_mapping(more + text, "a test"), now_ms=PRESENT)


def sums(source: MappedFile) -> list[float]:
    return [json.loads(event.value)["total"] for event in source.events()]


def test_sheets_with_the_same_header_are_one_table_and_others_are_named(tmp_path: Path) -> None:
    notes = [("What", "Who"), ("Call", "Ada")]
    path = book(tmp_path, {"May": MAY, "Notes": notes, "June": JUNE, "July": [HEAD]})
    source = opened(path)
    assert sums(source) == [10.5, 20.0, 5.25]
    assert [line for line, _ in source.numbered()] == [2, 3, 7]
    assert any("the sheets May, June, July" in note for note in source.notes)
    assert any("not read: Notes" in note for note in source.notes)
    found = check(opened(path), Policy(), PRESENT)
    assert found.agrees and found.applied.net == 3575


def test_one_sheet_can_be_named(tmp_path: Path) -> None:
    path = book(tmp_path, {"May": MAY, "June": JUNE})
    source = opened(path, 'sheet = "june"\n')
    assert sums(source) == [5.25]
    assert any("from the sheet June; not read: May" in note for note in source.notes)
    with pytest.raises(UserError, match="no sheet August") as refused:
        opened(path, 'sheet = "August"\n')
    assert "May, June" in (refused.value.hint or "")


def test_a_sheet_whose_rows_stand_in_another_one_counts_once(tmp_path: Path) -> None:
    lines = [("Order", "Customer", "Date", "SKU", "Qty", "Unit price"), (1, "a", "2024-05-05", "x", 2, 4)]
    later = [lines[0], (2, "a", "2024-06-05", "x", 1, 4)]
    for titles in (("May", "June", "All"), ("All", "May", "June")):
        sheets = {"May": lines, "June": later, "All": [*lines, later[1]]}
        source = opened(book(tmp_path, {title: sheets[title] for title in titles}))
        assert sums(source) == [8.0, 4.0]
        assert any("all of their rows: May, June" in note for note in source.notes)
    copied = opened(book(tmp_path, {"Orders": lines, "Orders (2)": lines}))
    assert sums(copied) == [8.0] and any("all of their rows: Orders (2)" in note for note in copied.notes)
