"""Define the common interface to a file's rows: CSV, workbook or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from streamer.sources.files import ReadPosition


class Row(NamedTuple):
    """A row: its first line (from 1), its cells and, if any, its fault as reason and message."""

    line: int
    cells: list[str]
    fault: tuple[str, str] | None = None


class Rows(Protocol):
    """A file that can be read repeatedly from its start."""

    @property
    def header(self) -> Sequence[str]:
        """Column names as written in the file."""
        ...

    @property
    def position(self) -> ReadPosition:
        """Progress of `rows`."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Detected properties in words: encoding, delimiter, lines above the header."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header, in order."""
        ...

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        """Return the cells a mapping names, under its own names, stripped of blanks."""
        ...
