"""The rows of a workbook (``.xlsx``), as texts. Needs the extra ``xlsx``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.dialect import folded
from streamer.sources.file_form import FileForm, Wanted
from streamer.sources.files import ReadPosition
from streamer.sources.rows import Row
from streamer.sources.text_rows import clean, places

ZIP_MAGIC: Final = b"PK\x03\x04"
_HEADER_WITHIN: Final = 50


class SheetRows:
    """Rows of the first sheet of a workbook.

    Raises
    ------
    UserError
        openpyxl is not installed, the file is no workbook, or has not the columns that are wanted.
    """

    def __init__(self, path: Path, form: FileForm, wanted: Wanted) -> None:
        self.path = path
        self._form = form
        self.notes: list[str] = []
        self.position = ReadPosition()
        first = list(islice(self._all(), _HEADER_WITHIN))
        names = frozenset(map(folded, wanted.names))
        known = [len({folded(cell) for cell in cells} & names) for cells in first]
        at = form.skip if form.skip is not None else known.index(max(known)) if any(known) else 0
        if form.columns:
            self.header, self._above = list(form.columns), form.skip or 0
        else:
            self.header, self._above = (first[at] if at < len(first) else []), at + 1
        while self.header and not self.header[-1]:
            self.header.pop()
        self._places = places(self.header, wanted, f"{path}", "the first sheet")
        if at and form.skip is None:
            self.notes.append(translatable("file note skip", lines=at))

    def rows(self) -> Iterator[Row]:
        """The rows below the header."""
        width = len(self.header)
        for line, cells in enumerate(islice(self._all(), self._above, None), self._above + 1):
            if any(cells):
                cells = (cells + [""] * (width - len(cells)))[:width] if not any(cells[width:]) else cells
                fault = (
                    None
                    if len(cells) == width
                    else ("column_count", translatable("file width", found=len(cells), width=width))
                )
                yield Row(line, cells, fault)

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        return {name: clean(cells[at], self._form.strip) for name, at in self._places}

    def _all(self) -> Iterator[list[str]]:
        try:
            from openpyxl import load_workbook
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise UserError(
                translatable("error openpyxl"),
                translatable("error openpyxl fix"),
            ) from None
        try:
            book = load_workbook(self.path, read_only=True, data_only=True)
        except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
            raise UserError(
                translatable("error workbook", path=self.path, why=error), translatable("error workbook fix")
            ) from None
        try:
            for row in book.worksheets[0].iter_rows(values_only=True):
                yield [_text(value) for value in row]
        finally:
            book.close()


def _text(value: Any) -> str:
    """A cell as text. Numbers that are whole lose the point that every number of a workbook has."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
