"""Any CSV file as events, by a mapping: the source behind ``--format csv``.

Rows that belong to one order are found wherever they stand, and events come out in the order of time: shops export the
newest first. Both are sorted in a database of SQLite on disk, gone with the iteration, so the file may be larger than
memory.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from schemas.codec import decode
from schemas.errors import InvalidEvent, UserError
from schemas.wire_time import epoch_ms
from streamer.shop.csv_mapping import CsvMapping, EventMapping
from streamer.shop.csv_values import Values
from streamer.shop.files import content_hash, lines
from streamer.shop.source import SourceEvent

_MAX_LINE_BYTES: Final = 1 << 20
_BATCH: Final = 1_000
LEFT_OUT: Final = "left_out"
"""Why a row became no event although nothing is wrong with it: the mapping does not want it."""


class _Refused(Exception):
    """A row from which no event can be made."""

    def __init__(self, reason: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.line = line


class CsvFile:
    """A source of events from a CSV file, plain or gzipped.

    A group of rows becomes events wholly or not at all: what is wrong with one of them refuses all. Refused rows are
    counted in ``skipped`` by reason (``bad_value``, ``invalid_field``, ``unknown_type``, ``column_count`` ...) and
    written to ``rejects``; rows that the mapping does not want are counted as ``left_out``. Event ids are functions of
    the content, so the same file and mapping give the same events.

    Parameters
    ----------
    zone
        The shop's time zone, for times without an offset where the mapping names none.
    currency
        The shop's, for amounts where neither a column nor the mapping tells one.
    rejects
        File for refused rows: line of the input, reason, message, then the row as it stands. It is made when the first
        comes, and has the file's own columns behind, so that it can be mended and imported.
    progress
        Hears the rows read, now and then.

    Raises
    ------
    UserError
        A column that the mapping names is not in the file's first line.
    """

    def __init__(
        self,
        path: Path,
        mapping: CsvMapping,
        *,
        zone: str = "UTC",
        currency: str = "EUR",
        rejects: Path | None = None,
        progress: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self.path = path
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()
        self.rejected = 0
        self._mapping = mapping
        self._zone = mapping.timezone or zone
        self._currency = currency
        self._values = Values(mapping.decimal, mapping.dates, ZoneInfo(self._zone))
        self.rejects = rejects
        self._progress = progress
        self._header = self._read_header()

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the unpacked file and of all that decides how it is read."""
        how = [self._mapping.model_dump(mode="json"), self._zone, self._currency]
        return hashlib.sha256((content_hash(self.path) + json.dumps(how, sort_keys=True)).encode()).hexdigest()

    def events(self) -> Iterator[SourceEvent]:
        """The events by time, those of one instant as they stand in the file.

        Raises
        ------
        UserError
            The file is damaged, or the rejects cannot be written.
        """
        self.rows, self.skipped, self.rejected = 0, Counter(), 0
        # An empty name: a private file that SQLite deletes itself.
        with closing(sqlite3.connect("")) as database, _Rejects(self.rejects, self._header) as rejects:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("CREATE TABLE rows (unit, line INTEGER, cells)")
            database.execute("CREATE TABLE events (at INTEGER, line INTEGER, key, value)")
            self._store_rows(database, rejects)
            for batch in _batches(self._made(database, rejects)):
                database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", batch)
            self._progress(self.rows)
            for at, key, value in database.execute("SELECT at, key, value FROM events ORDER BY at, line, rowid"):
                yield SourceEvent(at, key, value)

    def sample(self, rows: int) -> Iterator[SourceEvent]:
        """Events of the first ``rows`` rows that can be used, in no order: a look before all is read and sorted.

        Nothing is counted or written to the rejects. What an order has further down is not in it.
        """
        units: dict[str, list[tuple[int, list[str]]]] = {}
        for unit, line, text in itertools.islice(self._units(_Rejects(None, self._header)), rows):
            units.setdefault(unit, []).append((line, json.loads(text)))
        self.rows, self.skipped, self.rejected = None, Counter(), 0
        for found in units.values():
            try:
                for at, _, key, value in self._unit(found):
                    yield SourceEvent(at, key, value)
            except _Refused:
                continue

    # -- reading ----------------------------------------------------------------------------------------------

    def _store_rows(self, database: sqlite3.Connection, rejects: _Rejects) -> None:
        for batch in _batches(self._units(rejects)):
            database.executemany("INSERT INTO rows VALUES (?, ?, ?)", batch)

    def _units(self, rejects: _Rejects) -> Iterator[tuple[str, int, str]]:
        """Every usable row with the unit it belongs to: the text of its group, else its own line."""
        group = self._mapping.group
        at = None if group is None else self._header.index(group)
        for line, cells in self._cells():
            self.rows = (self.rows or 0) + 1
            if self.rows % 10_000 == 0:
                self._progress(self.rows)
            if len(cells) != len(self._header):
                self._reject(
                    rejects,
                    line,
                    cells,
                    "column_count",
                    f"{len(cells)} columns, the first line has {len(self._header)}",
                )
            elif any("\ufffd" in cell for cell in cells):
                self._reject(rejects, line, cells, "bad_encoding", f"not {self._mapping.encoding}: see encoding")
            elif at is not None and not cells[at].strip():
                self._reject(rejects, line, cells, "no_group", f"nothing stands under {group}")
            else:
                yield str(line) if at is None else cells[at].strip(), line, json.dumps(cells)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """Rows below the first line, with the number of the line in which each begins."""
        reader = csv.reader(self._text(), delimiter=self._mapping.delimiter)
        next(reader, None)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error:
                yield line, []
                continue
            if cells is None:
                return
            if cells:
                yield line, cells

    def _text(self) -> Iterator[str]:
        encoding = "utf-8-sig" if self._mapping.encoding.lower() in ("utf-8", "utf8") else self._mapping.encoding
        for number, line in enumerate(lines(self.path, _MAX_LINE_BYTES)):
            # A mark at the start of the file is none of its first column; a line too long is refused as a bad row.
            text = (b"\xff\n" if line is None else line).decode(
                encoding if number == 0 else self._mapping.encoding, errors="replace"
            )
            yield text.replace("\0", "\ufffd")

    def _read_header(self) -> list[str]:
        header = next(csv.reader(self._text(), delimiter=self._mapping.delimiter), [])
        header = [name.strip() for name in header]
        if missing := [name for name in self._mapping.columns() if name not in header]:
            raise UserError(
                f"{self.path} has no column {', '.join(missing)}, which the mapping names",
                f"its first line has: {', '.join(header) or 'nothing'} (delimiter {self._mapping.delimiter!r})",
            )
        if twice := [name for name in self._mapping.columns() if header.count(name) > 1]:
            raise UserError(f"{self.path} has more than one column {', '.join(twice)}", "rename one of them")
        return header

    # -- making events ----------------------------------------------------------------------------------------

    def _made(self, database: sqlite3.Connection, rejects: _Rejects) -> Iterator[tuple[int, int, bytes, bytes]]:
        rows = database.execute("SELECT unit, line, cells FROM rows ORDER BY unit, line")
        for _, unit in itertools.groupby(rows, key=lambda row: row[0]):
            cells = [(line, json.loads(text)) for _, line, text in unit]
            try:
                made = list(self._unit(cells))
            except _Refused as refused:
                for line, row in cells:
                    at_fault = refused.line in (None, line)
                    message = refused.message if at_fault else f"line {refused.line}, of the same order, is refused"
                    self._reject(rejects, line, row, refused.reason, message)
                continue
            if not made:
                self.skipped[LEFT_OUT] += len(cells)
            yield from made

    def _unit(self, rows: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, int, bytes, bytes]]:
        """The events of the rows of one unit. Raises _Refused."""
        named = [(line, dict(zip(self._header, (cell.strip() for cell in cells), strict=True))) for line, cells in rows]
        # Exports tell what all rows of an order share in the first only, or in each.
        shared: dict[str, str] = {}
        for _, cells in named:
            for name, text in cells.items():
                if text:
                    shared.setdefault(name, text)
        for mapping in self._mapping.event:
            if not _wanted(mapping, shared):
                continue
            body = self._body(mapping, shared, named)
            value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            try:
                event = decode(None, value)
            except InvalidEvent as error:
                raise _Refused(error.reason, error.message) from None
            yield epoch_ms(body["occurred_at"]), named[0][0], event.partition_id().encode(), value

    def _body(
        self, mapping: EventMapping, shared: Mapping[str, str], rows: Sequence[tuple[int, Mapping[str, str]]]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"type": mapping.type, **mapping.constants}
        for field, column in mapping.fields.items():
            text = column.of(shared)
            if text:
                _put(body, field, self._read(field, text, column.column))
        if mapping.lines:
            body["products"] = [
                self._line(mapping, line, cells) for line, cells in rows if mapping.lines["product_id"].of(cells)
            ]
        if mapping.type.startswith("order.") and "total" in body:
            body.setdefault("currency", self._currency)
        if not body.get("customer_id"):
            raise _Refused("no_customer", f"nothing stands under {' or '.join(mapping.fields['customer_id'].column)}")
        if "event_id" not in body:
            body["event_id"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
        return body

    def _line(self, mapping: EventMapping, line: int, cells: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, column in mapping.lines.items():
            if text := column.of(cells):
                found[field] = self._read(field, text, column.column, line)
        total = found.pop("line_total", None)
        if total is not None and "price" not in found:
            found["price"] = round(total / (found.get("quantity") or 1), 6)
        return found

    def _read(self, field: str, text: str, columns: Sequence[str], line: int | None = None) -> Any:
        try:
            return self._values.read(field, text)
        except ValueError as error:
            raise _Refused("bad_value", f"{field} (column {' or '.join(columns)}): {error}", line) from None

    def _reject(self, rejects: _Rejects, line: int, cells: Sequence[str], reason: str, message: str) -> None:
        self.skipped[reason] += 1
        self.rejected += 1
        rejects.write(line, cells, reason, message)


class _Rejects:
    """The file of refused rows; made when the first comes, so that there is none where all is well."""

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._stream: IO[str] | None = None

    def __enter__(self) -> _Rejects:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(self, line: int, cells: Sequence[str], reason: str, message: str) -> None:
        if self._path is None:
            return
        if self._stream is None:
            try:
                self._stream = self._path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise UserError(f"cannot write {self._path}: {error.strerror or error}", "give --rejects") from None
            csv.writer(self._stream).writerow(["line", "reason", "message", *self._header])
        csv.writer(self._stream).writerow([line, reason, message, *cells])


def _wanted(mapping: EventMapping, cells: Mapping[str, str]) -> bool:
    return all(cells.get(column, "") in values for column, values in mapping.where.items()) and not any(
        cells.get(column, "") in values for column, values in mapping.unless.items()
    )


def _put(body: dict[str, Any], field: str, value: Any) -> None:
    """Set a field; a dotted name goes into an object."""
    *path, name = field.split(".")
    for part in path:
        body = body.setdefault(part, {})
    body[name] = value


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch
