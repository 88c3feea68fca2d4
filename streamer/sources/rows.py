"""The rows of a file, whatever it is: CSV, a workbook, JSON. What all of them have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from streamer.sources.files import ReadPosition


class Row(NamedTuple):
    """One row: where it begins (line of the file, from 1), its cells, and why it cannot be used, if it cannot.

    ``fault`` is a reason and a message.
    """

    line: int
    cells: list[str]
    fault: tuple[str, str] | None = None


class Rows(Protocol):
    """A file that can be read again from its start."""

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns as they stand in the file."""
        ...

    @property
    def position(self) -> ReadPosition:
        """How far `rows` has come."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What was found by looking, in words: encoding, delimiter, lines above the header."""
        ...

    def rows(self) -> Iterator[Row]:
        """The rows below the header, in order."""
        ...

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        """The cells that a mapping names, by its own names for them; without blanks at their ends."""
        ...
