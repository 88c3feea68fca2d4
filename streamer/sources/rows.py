"""The common interface of a file's rows: CSV, workbook or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from streamer.sources.files import ReadPosition


class Row(NamedTuple):
    """One row: the line where it begins (from 1), its cells, and its fault, if any.

    ``fault`` is a reason and a message.
    """

    line: int
    cells: list[str]
    fault: tuple[str, str] | None = None


class Rows(Protocol):
    """A file that can be read repeatedly from its start."""

    @property
    def header(self) -> Sequence[str]:
        """The column names as in the file."""
        ...

    @property
    def position(self) -> ReadPosition:
        """The progress of `rows`."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What detection found, in words: encoding, delimiter, lines above the header."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header, in order."""
        ...

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        """The cells that a mapping names, under its own names, stripped of blanks."""
        ...
