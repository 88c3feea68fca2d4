"""Read the rows of a delimited text file, such as CSV.

An unclosed quote affects only its own row. A row of several lines must be well-formed and as wide as the header;
otherwise only its first line is rejected, and reading continues with the second.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.columns import stripped
from streamer.sources.dialect import SAMPLE_BYTES, delimiter_of, encoding_of, folded, readings_of
from streamer.sources.file_form import FileForm, Wanted
from streamer.sources.files import ReadPosition, opened
from streamer.sources.rows import Row
from streamer.sources.strange_files import strange_file

_MAX_LINE: Final = 1 << 20
csv.field_size_limit(_MAX_LINE)
_MAX_ROW_LINES: Final = 500
_HEADER_WITHIN: Final = 50
"""Number of lines to search for the header if the mapping does not set how many to skip."""


class TextRows:
    """Rows of a file, plain or gzipped.

    Raises
    ------
    UserError
        A requested column is missing from the header, or occurs twice.
    """

    def __init__(self, path: Path, form: FileForm, wanted: Wanted) -> None:
        self.path = path
        self._form = form
        self.notes: list[str] = []
        self.position = ReadPosition()
        with opened(path) as stream:
            head = stream.read(SAMPLE_BYTES)
        self.encoding = encoding_of(head, form.encoding)
        if self.encoding == "utf-8" and head.count(0) > len(head) // 10:
            raise strange_file(path, "binary")
        self._readings = () if form.encoding else readings_of(head)
        first = list(islice(self._lines(), _HEADER_WITHIN))
        self._names = frozenset(map(folded, wanted.names))
        self.delimiter = form.delimiter or delimiter_of([line for line in first if line is not None], self._names)
        self.skip = self._above(first) if form.skip is None else form.skip
        self.header = list(form.columns) or self._read_header()
        self.places = places(self.header, wanted, f"{path}", f"delimiter {self.delimiter!r}, {self.encoding}")
        self._note()

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header."""
        width = len(self.header)
        ends = self._form.ends_before
        below = False
        for line, cells, fault in self._records():
            below = below or (ends is not None and bool(cells) and cells[0].startswith(ends))
            if below:
                yield Row(line, cells, ("left_out", translatable("file below table")))
                continue
            if fault is None and len(cells) != width:
                cells = _cut(cells, width)
                if len(cells) != width:
                    fault = "column_count", translatable("file width", found=len(cells), width=width)
            if fault is None and any("\ufffd" in cell for cell in cells):
                fault = "bad_encoding", translatable("file encoding", encoding=self.encoding.removesuffix("-sig"))
            yield Row(line, cells, fault)

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        return {name: clean(cells[at], self._form.strip) for name, at in self.places}

    # -- lines and records ------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[str | None]:
        """Yield the lines, with any kind of line ending; None for a line that is too long."""
        with (
            opened(self.path, self.position) as stream,
            io.TextIOWrapper(stream, self.encoding, errors="replace", newline="") as text,
        ):
            while line := text.readline(_MAX_LINE):
                if len(line) >= _MAX_LINE and line[-1] not in "\r\n":
                    while (rest := text.readline(_MAX_LINE)) and rest[-1] not in "\r\n":
                        pass
                    yield None
                else:
                    # Concatenated files have a byte order mark in the middle.
                    yield line.replace("\0", "\ufffd").lstrip("\ufeff")

    def _records(self) -> Iterator[tuple[int, list[str], tuple[str, str] | None]]:
        """Yield each record with its first line number and its fault."""
        source = _Pushed(islice(self._lines(), self.skip, None), self.skip)
        if not self._form.columns:
            next(self._split(source), None)
        yield from self._split(source)

    def _split(self, source: _Pushed) -> Iterator[tuple[int, list[str], tuple[str, str] | None]]:
        if self.delimiter == "whitespace":
            for line in source:
                if cells := line.split():
                    yield source.number, cells, None
            return
        reader = self._reader(source)
        while True:
            source.begin()
            try:
                cells = next(reader)
                broken = len(source.taken) > 1 and not self._is_whole(cells)
            except StopIteration:
                return
            except csv.Error:
                cells, broken = [], True
            number = source.number - len(source.taken) + 1
            if broken:
                number, cells, fault = source.back_to_first(), *self._alone(source.taken[0])
                reader = self._reader(source)
                yield number, cells, fault
            elif cells:
                yield number, cells, None

    def _reader(self, source: Iterable[str], *, strict: bool = True) -> Iterator[list[str]]:
        # Some programs write a blank before a quote: 1, "a, b", 2.
        return csv.reader(source, delimiter=self.delimiter, strict=strict, skipinitialspace=True)

    def _is_whole(self, cells: list[str]) -> bool:
        """Return whether a record of several lines is one row: as wide as the header, once known."""
        width = len(getattr(self, "header", cells))
        return len(_cut(cells, width)) == width

    def _alone(self, line: str) -> tuple[list[str], tuple[str, str] | None]:
        """Parse a malformed line by more lenient rules, or reject it."""
        quotes = line.count('"')
        if quotes % 2 == 0:
            cells = next(self._reader([line], strict=False), [])
            if len(cells) == len(getattr(self, "header", cells)):
                return cells, None
        return line.rstrip("\r\n").split(self.delimiter), ("open_quote", translatable("file open quote"))

    # -- the header -------------------------------------------------------------------------------------------

    def _above(self, first: Sequence[str | None]) -> int:
        """Return the number of lines above the header, which is the line with the most requested columns."""
        if self._form.columns or not self._names:
            return 0
        found = [0 if line is None else self._known(line) for line in first]
        best = max(found, default=0)
        # A single name may occur in a sentence above the table.
        return found.index(best) if best > 1 or best == len(self._names) else 0

    def _known(self, line: str) -> int:
        cells = line.split() if self.delimiter == "whitespace" else next(self._reader([line], strict=False), [])
        return len({folded(cell) for cell in cells} & self._names)

    def _read_header(self) -> list[str]:
        source = _Pushed(islice(self._lines(), self.skip, None), self.skip)
        _, cells, _ = next(self._split(source), (0, [], None))
        cells = [clean(name.replace("\ufeff", "")) for name in cells]
        while cells and not cells[-1]:
            cells.pop()
        return cells

    def _note(self) -> None:
        if self._readings:
            read = ", ".join(f"{word} ({page})" for page, word in self._readings)
            self.notes.append(translatable("file note readings", readings=read))
        if self._form.encoding is None and self.encoding not in ("utf-8", "utf-8-sig"):
            self.notes.append(translatable("file note encoding", encoding=self.encoding))
        if self._form.delimiter is None and self.delimiter != ",":
            self.notes.append(
                translatable("file note delimiter", delimiter="tab" if self.delimiter == "\t" else self.delimiter)
            )
        if self._form.skip is None and self.skip:
            self.notes.append(translatable("file note skip", lines=self.skip))


class _Pushed:
    """Lines that can be pushed back, remembering those of the current record."""

    def __init__(self, lines: Iterator[str | None], number: int) -> None:
        self._lines = lines
        self._waiting: deque[str | None] = deque()
        self.taken: list[str] = []
        self.number = number

    def begin(self) -> None:
        self.taken = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MAX_ROW_LINES:
            raise csv.Error("a row with too many lines")
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.number += 1
        # An overlong line is rejected as an unreadable row.
        self.taken.append('"\ufffd' if line is None else line)
        return self.taken[-1]

    def back_to_first(self) -> int:
        """Push back all lines of the record except the first, and return the first line's number."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return self.number


def standing(header: Sequence[str], *names: str) -> dict[str, list[int]]:
    """Return column indices by name: exact matches or, failing that, matches ignoring case and blanks."""
    exact: dict[str, list[int]] = {}
    alike: dict[str, list[int]] = {}
    for at, one in enumerate(header):
        exact.setdefault(one, []).append(at)
        alike.setdefault(folded(one), []).append(at)
    return {name: exact.get(name) or alike.get(folded(name), []) for name in names}


def places(header: Sequence[str], wanted: Wanted, what: str, how: str) -> list[tuple[str, int]]:
    """Return the indices of the requested columns in a header. Raises UserError."""
    found = standing(header, *wanted.names)
    missing = [" or ".join(names) for names in wanted.needed if not any(found[name] for name in names)]
    if missing:
        nor = translatable("error nor", files=", ".join(wanted.nor)) if wanted.nor else ""
        raise UserError(
            translatable("error no column", path=what, names=", ".join(dict.fromkeys(missing)), nor=nor),
            translatable("error no column fix", header=", ".join(header) or "-", how=how),
        )
    if twice := [name for name, at in found.items() if len(at) > 1]:
        raise UserError(translatable("error twice", path=what, names=", ".join(twice)), translatable("error twice fix"))
    return [(name, at[0]) for name, at in found.items() if at]


def clean(cell: str, strip: Sequence[str] = ()) -> str:
    """Clean a cell: remove blanks, the formula form (``="1234"``) of text cells, single quotes, and ``strip``."""
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        cell = cell[2:-1].strip()
    elif cell[:1] == "'" == cell[-1:] and len(cell) > 2:
        cell = cell[1:-1].strip()
    return stripped(cell, strip) if strip else cell


def _cut(cells: list[str], width: int) -> list[str]:
    """Drop the empty cells that trailing delimiters add beyond the header's width."""
    return cells[:width] if len(cells) > width and not any(cell.strip() for cell in cells[width:]) else cells
