"""The rows of a workbook (``.xlsx``), as text. Needs the extra ``xlsx``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.dialect import folded
from streamer.sources.file_form import FileForm, Wanted
from streamer.sources.files import ReadPosition, opened
from streamer.sources.rows import Row
from streamer.sources.strange_files import strange_file
from streamer.sources.text_rows import clean, places

ZIP_MAGIC: Final = b"PK\x03\x04"
_HEADER_WITHIN: Final = 50


class SheetRows:
    """Rows of the sheet with the most requested columns, otherwise of the first sheet.

    Raises
    ------
    UserError
        openpyxl is not installed, or the file is not a workbook or lacks requested columns.
    """

    def __init__(self, path: Path, form: FileForm, wanted: Wanted) -> None:
        self.path = path
        self._form = form
        self.notes: list[str] = []
        self.position = ReadPosition()
        titles, tops = self._looked_at()
        known = [_known(top, wanted) for top in tops]
        most = [max(found, default=0) for found in known]
        self._sheet = 0 if form.columns else most.index(max(most))
        title, first = titles[self._sheet], tops[self._sheet]
        at = form.skip
        if at is None:
            at = known[self._sheet].index(most[self._sheet]) if most[self._sheet] else 0
            if at:
                self.notes.append(translatable("file note skip", lines=at))
        self.header, self._above = list(first[at]) if at < len(first) else [], at + 1
        if form.columns:
            self.header, self._above = list(form.columns), form.skip or 0
        while self.header and not self.header[-1]:
            self.header.pop()
        self._places = places(self.header, wanted, f"{path}", translatable("file sheet", name=title))
        if len(titles) > 1:
            others = ", ".join(one for one in titles if one != title)
            self.notes.append(translatable("file note sheet", name=title, others=others))

    def _looked_at(self) -> tuple[list[str], list[list[list[str]]]]:
        """The names of the sheets, and their first rows."""
        with self._opened() as book:
            tops = [_texts(sheet.iter_rows(values_only=True, max_row=_HEADER_WITHIN)) for sheet in book.worksheets]
            return [sheet.title for sheet in book.worksheets], tops

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header."""
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
        with self._opened() as book:
            for row in book.worksheets[self._sheet].iter_rows(values_only=True):
                yield [_text(value) for value in row]

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            from openpyxl import load_workbook
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise UserError(
                translatable("error openpyxl"),
                translatable("error openpyxl fix"),
            ) from None
        # Opened by content, since the name may have any suffix.
        with opened(self.path) as stream:
            try:
                book = load_workbook(stream, read_only=True, data_only=True)
                if not book.worksheets:
                    raise ValueError("no sheet")
            except KeyError:
                raise strange_file(self.path, "zip") from None
            except (BadZipFile, InvalidFileException, OSError, ValueError) as error:
                raise UserError(
                    translatable("error workbook", path=self.path, why=error), translatable("error workbook fix")
                ) from None
            try:
                yield book
            finally:
                book.close()


def _known(top: Sequence[Sequence[str]], wanted: Wanted) -> list[int]:
    """The number of requested columns in each row."""
    names = frozenset(map(folded, wanted.names))
    return [len({folded(cell) for cell in cells} & names) for cells in top]


def _texts(rows: Iterable[Sequence[Any]]) -> list[list[str]]:
    return [[_text(value) for value in row] for row in rows]


def _text(value: Any) -> str:
    """A cell as text. Whole numbers lose the decimal point that every number of a workbook has."""
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
