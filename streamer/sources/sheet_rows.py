"""Read the rows of a workbook (``.xlsx``) as text. Requires the extra ``xlsx``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cached_property
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
    """Rows of the sheet with the most requested columns, and of all others with the same header, as one table.

    Line numbers continue from sheet to sheet. A sheet whose rows all occur in another one is not read: it is a copy, or
    the other sheet collects the months.

    Raises
    ------
    UserError
        openpyxl is not installed, or the file is not a workbook or lacks the named sheet or requested columns.
    """

    def __init__(self, path: Path, form: FileForm, wanted: Wanted) -> None:
        self.path = path
        self._form = form
        self.notes: list[str] = []
        self.position = ReadPosition()
        self._titles, tops = self._looked_at()
        known = [_known(top, wanted) for top in tops]
        most = [max(found, default=0) for found in known]
        first = self._named_sheet() if form.sheet is not None else 0 if form.columns else most.index(max(most))
        header = self._header_at(known[first], most[first])
        if form.skip is None and header and not form.columns:
            self.notes.append(translatable("file note skip", lines=header))
        self.header = list(form.columns) or _row(tops[first], header)
        # The sheets to read, each with its number of lines down to the header.
        self._sheets = [(first, form.skip or 0 if form.columns else header + 1)]
        if form.sheet is None and not form.columns:
            lines = [self._header_at(*one) for one in zip(known, most, strict=True)]
            self._sheets = self._alike(first, tops, lines)
        what = translatable("file sheet", name=self._titles[first])
        self._places = places(self.header, wanted, f"{path}", what)
        self._tell()

    def _alike(self, first: int, tops: Sequence[list[list[str]]], lines: Sequence[int]) -> list[tuple[int, int]]:
        """Return the sheets with the same header as the first, each with its number of lines down to it."""
        return [
            (at, line + 1)
            for at, (top, line) in enumerate(zip(tops, lines, strict=True))
            if at == first or _same(_row(top, line), self.header)
        ]

    def _named_sheet(self) -> int:
        """Return the index of the sheet that the mapping names. Raises UserError."""
        found = [at for at, title in enumerate(self._titles) if folded(title) == folded(self._form.sheet or "")]
        if not found:
            raise UserError(
                translatable("error no sheet", path=self.path, name=self._form.sheet),
                translatable("error no sheet fix", names=", ".join(self._titles)),
            )
        return found[0]

    def _header_at(self, known: Sequence[int], most: int) -> int:
        """Return the index of the header among a sheet's first rows."""
        if self._form.skip is not None:
            return self._form.skip
        return known.index(most) if most else 0

    def _tell(self) -> None:
        """Note which sheets are read and which are not."""
        read = [self._titles[at] for at, _ in self._sheets]
        others = ", ".join(one for one in self._titles if one not in read)
        if len(read) > 1:
            self.notes.append(translatable("file note sheets", names=", ".join(read)))
            if others:
                self.notes.append(translatable("file note other sheets", others=others))
        elif others:
            self.notes.append(translatable("file note sheet", name=read[0], others=others))

    def _looked_at(self) -> tuple[list[str], list[list[list[str]]]]:
        """Return the sheets' names and first rows."""
        with self._opened() as book:
            tops = [_texts(sheet.iter_rows(values_only=True, max_row=_HEADER_WITHIN)) for sheet in book.worksheets]
            return [sheet.title for sheet in book.worksheets], tops

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header."""
        width = len(self.header)
        before = 0
        for at, above in self._distinct:
            line = 0
            for line, cells in enumerate(self._all(at), 1):
                if line > above and any(cells):
                    cells = (cells + [""] * (width - len(cells)))[:width] if not any(cells[width:]) else cells
                    fault = (
                        None
                        if len(cells) == width
                        else ("column_count", translatable("file width", found=len(cells), width=width))
                    )
                    yield Row(before + line, cells, fault)
            before += line

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        return {name: clean(cells[at], self._form.strip) for name, at in self._places}

    @cached_property
    def _distinct(self) -> list[tuple[int, int]]:
        """Return the sheets to read, without those whose rows all occur in another one."""
        if len(self._sheets) == 1:
            return self._sheets
        held = {at: {hash(tuple(cells)) for cells in islice(self._all(at), above, None)} for at, above in self._sheets}
        kept: list[tuple[int, int]] = []
        for at, above in self._sheets:
            others = [one for one in held if one != at]
            # Of two sheets with the same rows, read the first.
            if not held[at] or not any(held[at] < held[one] or (one < at and held[at] == held[one]) for one in others):
                kept.append((at, above))
        copies = [self._titles[at] for at, above in self._sheets if (at, above) not in kept]
        if copies:
            self.notes.append(translatable("file note copies", names=", ".join(copies)))
        return kept

    def _all(self, at: int) -> Iterator[list[str]]:
        with self._opened() as book:
            for row in book.worksheets[at].iter_rows(values_only=True):
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
        # Open by content, because the name may have any suffix.
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


def _row(top: Sequence[list[str]], at: int) -> list[str]:
    """Return one of a sheet's first rows without trailing empty cells; empty if there is none."""
    cells = list(top[at]) if at < len(top) else []
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    return bool(one) and [folded(name) for name in one] == [folded(name) for name in other]


def _known(top: Sequence[Sequence[str]], wanted: Wanted) -> list[int]:
    """Return how many of the requested columns each row contains."""
    names = frozenset(map(folded, wanted.names))
    return [len({folded(cell) for cell in cells} & names) for cells in top]


def _texts(rows: Iterable[Sequence[Any]]) -> list[list[str]]:
    return [[_text(value) for value in row] for row in rows]


def _text(value: Any) -> str:
    """Return a cell as text. Whole numbers lose the decimal point that workbooks add to every number."""
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
