"""Split the rows of a file and its joined files by separate rules, for `recount`."""

from __future__ import annotations

import io
import json
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from streamer.sources.file_form import FileForm
from streamer.sources.files import opened
from streamer.sources.joins import Joins, key_of
from streamer.sources.rows import Rows
from streamer.sources.text_rows import TextRows, clean

_MOST_LINES: Final = 500


class Tables:
    """The rows of one unit, file by file: the main file's, then each joined file's.

    A row of a joined file carries the cells of the row it was found by. `mapped_file` puts such rows side by side
    instead; `recount` verifies that both yield the same sums.
    """

    def __init__(self, joins: Joins | None) -> None:
        self._sides = [] if joins is None else joins.sides
        self._homes = {name: at for at, side in enumerate(self._sides, 1) for name in side.columns}
        # With an empty name, SQLite creates a private file that it deletes itself.
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE partners (file INTEGER, key, line INTEGER, cells)")
        self._database.executemany("INSERT INTO partners VALUES (?, ?, ?, ?)", self._read())
        self._database.execute("CREATE INDEX by_key ON partners (file, key, line)")

    def home(self, names: Sequence[str]) -> int:
        """Return the last file that holds one of the columns."""
        return max((self._homes.get(name, 0) for name in names), default=0)

    def of(self, rows: Sequence[Mapping[str, str]], group: Sequence[str]) -> list[list[Mapping[str, str]]]:
        """Return each file's rows for one unit, whose rows are equal in the columns of ``group``."""
        found: list[list[Mapping[str, str]]] = [list(rows)]
        for at, side in enumerate(self._sides, 1):
            ours = list(side.join.on)
            parents = found[self.home(ours)]
            # Rows found by the group alone belong to all of its rows.
            if set(ours) <= set(group):
                parents = parents[:1]
            found.append([{**parent, **one} for parent in parents for one in self._partners(at, parent, ours)])
        return found

    def _partners(self, at: int, parent: Mapping[str, str], ours: Sequence[str]) -> Iterator[Mapping[str, str]]:
        key = key_of([parent.get(name, "") for name in ours])
        query = "SELECT cells FROM partners WHERE file = ? AND key = ? AND key <> '' ORDER BY line"
        for (text,) in self._database.execute(query, (at, key)).fetchall():
            yield json.loads(text)

    def _read(self) -> Iterator[tuple[int, str, int, str]]:
        for at, side in enumerate(self._sides, 1):
            for line, cells in rows_again(side.table, side.join):
                key = key_of([cells.get(name, "") for name in side.join.on.values()])
                yield at, key, line, json.dumps({name: cells.get(column, "") for name, column in side.columns.items()})


def rows_again(table: Rows, form: FileForm) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield a table's rows with their lines and the cells under the requested names."""
    if not isinstance(table, TextRows) or table.delimiter == "whitespace":
        yield from ((row.line, table.named(row.cells)) for row in table.rows() if row.fault is None)
        return
    places = dict(table.places)
    strip, ends = form.strip, form.ends_before
    for line, cells in _split(table, bool(form.columns)):
        if ends is not None and cells and cells[0].startswith(ends):
            return
        if len(cells) >= len(table.header):
            yield line, {name: clean(cells[at], strip) for name, at in places.items()}


def _split(table: TextRows, given: bool) -> Iterator[tuple[int, list[str]]]:
    """Split text into records, each ending at an even number of quotes if that makes it as wide as the header."""
    with opened(table.path) as stream:
        text = io.TextIOWrapper(stream, table.encoding, errors="replace")
        lines = deque(islice(text, table.skip, table.skip + _MOST_LINES))
        number = table.skip
        # A header from the mapping occupies no line.
        below = given
        while lines:
            count = _lines_of(lines)
            cells = cells_again("".join(islice(lines, count)).rstrip("\n"), table.delimiter)
            if count > 1 and len(cells) != len(table.header):
                count, cells = 1, cells_again(lines[0].rstrip("\n"), table.delimiter)
            for _ in range(count):
                lines.popleft()
            if below and any(cells):
                yield number + 1, cells
            below, number = True, number + count
            lines.extend(islice(text, count))


def _lines_of(lines: Sequence[str]) -> int:
    """Return the number of lines in a record: up to an even number of quotes, or 1 if there never is one."""
    quotes = 0
    for count, line in enumerate(lines, 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return count
    return 1


def cells_again(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = []
    at, size = 0, len(text)
    while at <= size:
        while delimiter != " " and text[at : at + 1] == " ":
            at += 1
        if at < size and text[at] == '"':
            end = at + 1
            while (end := text.find('"', end)) != -1 and text[end + 1 : end + 2] == '"':
                end += 2
            end = size if end == -1 else end
            stop = text.find(delimiter, end)
            stop = size if stop == -1 else stop
            cells.append(text[at + 1 : end].replace('""', '"') + text[end + 1 : stop])
        else:
            stop = text.find(delimiter, at)
            stop = size if stop == -1 else stop
            cells.append(text[at:stop])
        at = stop + 1
    return cells
