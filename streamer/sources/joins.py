"""Join the rows of other files to those of the main file, by key.

A joined file is loaded into an SQLite database on disk, deleted after its last use, so it may exceed memory. Several
rows with one key never multiply others: the first is merged into the row itself, and each other becomes a row of its
own.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.dialect import folded
from streamer.sources.file_form import FileForm, Join, Wanted, each
from streamer.sources.files import content_hash, opened
from streamer.sources.json_rows import JsonRows
from streamer.sources.mapping import TableMapping
from streamer.sources.rows import Rows
from streamer.sources.sheet_rows import ZIP_MAGIC, SheetRows
from streamer.sources.strange_files import refuse_strange
from streamer.sources.text_rows import TextRows, standing

_BATCH: Final = 1_000
_NEVER_ROWS: Final = "left_out"


def rows_of(path: Path, form: FileForm, wanted: Wanted) -> Rows:
    """Return a file's rows in its declared format, detecting what is not declared. Raises UserError."""
    with opened(path) as stream:
        head = stream.read(4096)
    refuse_strange(path, head)
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if form.format == "xlsx" or (form.format is None and head.startswith(ZIP_MAGIC)):
        return SheetRows(path, form, wanted)
    if form.format == "json" or (form.format is None and bare.startswith((b"{", b"[{"))):
        return JsonRows(path, wanted)
    return TextRows(path, form, wanted)


class Side(NamedTuple):
    """A joined file: its rows, and the mapping's names for its columns."""

    join: Join
    path: Path
    table: Rows
    columns: Mapping[str, str]

    def cells(self, cells: Sequence[str]) -> tuple[str, dict[str, str]]:
        """Return a row's key, and its cells under the mapping's names."""
        named = self.table.named(cells)
        key = key_of([named.get(theirs, "") for theirs in self.join.on.values()])
        return key, {name: text for name, column in self.columns.items() if (text := named.get(column, ""))}


def key_of(parts: Sequence[str]) -> str:
    """Return the parts of a key as one text, empty if any part is empty. A spreadsheet's ``12345.0`` becomes ``12345``."""
    if not all(parts):
        return ""
    bare = (unicodedata.normalize("NFC", part) for part in parts)
    return "\x1f".join(_whole(part) for part in bare)


def _whole(part: str) -> str:
    front, point, behind = part.partition(".")
    return front if point and front.isdecimal() and behind and not behind.strip("0") else part


def open_tables(path: Path, mapping: TableMapping) -> tuple[Rows, Joins | None]:
    """Open a file and any files that the mapping joins to it.

    Raises
    ------
    UserError
        A joined file is missing, or a column occurs in no file or in two.
    """
    if not mapping.join:
        return rows_of(path, mapping, mapping.wanted()), None
    sides = [_side(path.parent, join, mapping.named()) for join in mapping.join]
    taken: dict[str, Side] = {}
    for side in sides:
        for name in side.columns:
            if name in taken:
                raise _twice(name, taken[name].path, side)
            taken[name] = side
    needed = tuple(names for names in mapping.needed() if not taken.keys() & set(names))
    wanted = Wanted(mapping.named(), needed, mapping.lists(), tuple(side.join.file for side in sides))
    table = rows_of(path, mapping, wanted)
    if not isinstance(table, JsonRows):
        for name, side in taken.items():
            if standing(table.header, name)[name]:
                raise _twice(name, path, side)
    return table, Joins(sides, mapping)


def _twice(name: str, first: Path, second: Side) -> UserError:
    example = f"{second.path.stem}."
    return UserError(
        translatable("error in both", name=name, first=first.name, second=second.path.name),
        translatable("error in both fix", prefix=example, second=second.path.name, name=name),
    )


def _side(folder: Path, join: Join, names: Sequence[str]) -> Side:
    path = folder / join.file
    if not path.is_file():
        packed = folder / f"{join.file}.gz"
        if not packed.is_file():
            raise UserError(
                translatable("error no join", file=join.file, folder=folder),
                translatable("error no join fix"),
            )
        path = packed
    prefixed = {name: name.removeprefix(join.prefix) for name in names if name.startswith(join.prefix)}
    keys = each(join.on.values())
    wanted = Wanted(each([*keys, *prefixed.values()]), tuple((key,) for key in keys))
    table = rows_of(path, join, wanted)
    if isinstance(table, JsonRows):
        if not join.prefix:
            raise UserError(translatable("error json join", file=join.file), translatable("error json join fix"))
        return Side(join, path, table, prefixed)
    # A key column with the same name in both files is a single column.
    same = {folded(ours) for ours, theirs in join.on.items() if ours == theirs}
    there = {folded(name) for name in table.header} - same
    return Side(join, path, table, {name: column for name, column in prefixed.items() if folded(column) in there})


class Joins:
    """The files joined to the main file."""

    def __init__(self, sides: Sequence[Side], mapping: TableMapping) -> None:
        self.sides = sides
        self._theirs = frozenset(name for side in sides for name in side.columns)
        columns = [one for event in mapping.event for one in event.fields.values()]
        products = [event.lines["product_id"] for event in mapping.event if event.lines]
        summed = (name for one in columns for name in one.sum)
        # Columns of joined files that are summed or form order lines.
        self._once = self._theirs & {*summed, *(name for one in products for name in one.named())}
        self._database: sqlite3.Connection | None = None

    @cached_property
    def content_hashes(self) -> list[str]:
        """Return the hashes of the uncompressed files, in the mapping's order."""
        return [content_hash(side.path) for side in self.sides]

    def beside(
        self, rows: Sequence[Mapping[str, str]], group: Sequence[str] = (), *, mark: bool = False
    ) -> tuple[list[list[dict[str, str]]], tuple[int, str] | None]:
        """Return the rows of one unit with their joined rows, and the index and reason of the first without a match.

        Values that belong to the whole unit, because its key is the group's, are summed and form lines once, however
        many rows the unit has.

        Parameters
        ----------
        group
            Columns in which all rows have equal values.
        mark
            Whether these rows count in `unused`.
        """
        missing: tuple[int, str] | None = None
        found: list[list[dict[str, str]]] = []
        for place, row in enumerate(rows):
            # Repeated values were already counted with the first row.
            made = [(dict(row), set(group) if place else set())]
            for at, side in enumerate(self.sides):
                for nth, (cells, repeated) in enumerate(list(made)):
                    partners = self._partners(at, side, cells, mark)
                    if partners is None:
                        if missing is None and self._lacks(side, cells, nth == 0):
                            missing = place, _no_partner(cells, side)
                        continue
                    again = repeated.issuperset(side.join.on)
                    first = {name: text for name, text in partners[0].items() if not again or name not in self._once}
                    cells.update(first)
                    if again:
                        repeated.update(first)
                    else:
                        made += [(dict(one), set[str]()) for one in partners[1:]]
            found.append([cells for cells, _ in made])
        return found, missing

    def _lacks(self, side: Side, cells: Mapping[str, str], own: bool) -> bool:
        """Return whether a row lacks a required match: it names a key, or it is the file's ``own`` and must name one."""
        if side.join.optional:
            return False
        return all(cells.get(ours) for ours in side.join.on) or (own and not self._theirs & side.join.on.keys())

    def unused(self) -> Iterator[tuple[Side, int]]:
        """Yield each file with the number of its rows that matched no marked row."""
        for at, side in enumerate(self.sides):
            count = self._open().execute(f"SELECT count(*) FROM side_{at} WHERE NOT used").fetchone()[0]
            if count:
                yield side, count

    def begin(self) -> None:
        """Clear the marks."""
        for at in range(len(self.sides)):
            self._open().execute(f"UPDATE side_{at} SET used = 0")

    def _partners(self, at: int, side: Side, cells: Mapping[str, str], mark: bool) -> list[dict[str, str]] | None:
        key = key_of([cells.get(ours, "") for ours in side.join.on])
        if not key:
            return None
        database = self._open()
        rows = database.execute(f"SELECT cells FROM side_{at} WHERE key = ? ORDER BY line", (key,)).fetchall()
        if mark and rows:
            database.execute(f"UPDATE side_{at} SET used = 1 WHERE key = ? AND NOT used", (key,))
        return [json.loads(text) for (text,) in rows] or None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            # An empty name creates a private file that SQLite deletes itself.
            database = sqlite3.connect("", isolation_level=None)
            database.execute("PRAGMA journal_mode = OFF")
            for at, side in enumerate(self.sides):
                _load(database, f"side_{at}", side)
            self._database = database
        return self._database


def _load(database: sqlite3.Connection, name: str, side: Side) -> None:
    database.execute(f"CREATE TABLE {name} (key, line INTEGER, used INTEGER, cells)")
    rows = _usable(side)
    database.execute("BEGIN")
    while batch := list(itertools.islice(rows, _BATCH)):
        database.executemany(f"INSERT INTO {name} VALUES (?, ?, 0, ?)", batch)
    database.execute("COMMIT")
    database.execute(f"CREATE INDEX {name}_key ON {name} (key, line)")


def _usable(side: Side) -> Iterator[tuple[str, int, str]]:
    for row in side.table.rows():
        if row.fault is not None:
            reason, message = row.fault
            if reason == _NEVER_ROWS:
                continue
            raise UserError(
                translatable("error join line", path=side.path, line=row.line, fault=message),
                translatable("error join line fix"),
            )
        key, cells = side.cells(row.cells)
        yield key, row.line, json.dumps(cells)


def _no_partner(cells: Mapping[str, str], side: Side) -> str:
    """Return the catalogue message for a row rejected because it has no match."""
    value = ", ".join(cells.get(ours, "") for ours in side.join.on)
    return translatable("file no partner", file=side.join.file, names=" and ".join(side.join.on.values()), value=value)


def notes_of(joins: Joins) -> list[str]:
    """Return notes about the joined files, after all rows are read."""
    return [
        *(
            translatable("file note of", file=side.join.file, note=note)
            for side in joins.sides
            for note in side.table.notes
        ),
        *(translatable("file note unused", rows=rows, file=side.join.file) for side, rows in joins.unused()),
    ]
