"""Identify a file as a known format or by a shipped mapping, or propose a mapping from its column names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.clock_columns import clock_of
from streamer.sources.column_names import KNOWN, columns_of
from streamer.sources.contact_columns import contacts_of
from streamer.sources.dialect import folded
from streamer.sources.file_form import FileForm, Wanted, each
from streamer.sources.files import opened
from streamer.sources.joins import open_tables, rows_of
from streamer.sources.json_rows import JsonRows
from streamer.sources.mapping import TableMapping, read_mapping, shipped
from streamer.sources.order_states import MOST_STATES, is_flag, states_of
from streamer.sources.retail_rows import column_positions
from streamer.sources.rows import Rows
from streamer.sources.sheet_rows import ZIP_MAGIC
from streamer.sources.store_columns import ids_clash, store_of
from streamer.sources.times import Times
from streamer.sources.values import Values
from streamer.sources.written_mapping import written

_ROWS: Final = 2_000
"""Number of rows to examine."""

_OWN_TYPES: Final = re.compile(
    r'"(type|event)"\s*:\s*"(order\.|product\.|page\.|cart\.|profile\.|consent\.|feedback\.|customer\.|identity\.|'
    r"message\.|subscription\.|track|identify|page|alias|Order )",
)
_SUMMED: Final = re.compile(r"total spent|lifetime|\bltv\b|total spend|amount spent|gesamtumsatz|累计")
_LATEST: Final = re.compile(
    r"(last|latest|first) (order|purchase)|(letzte|erste)[rs]? (bestellung|kauf)|derni.re commande|最近"
)
"""Column names of customer lists with totals, where a row is not an order."""
_CDNOW: Final = re.compile(rb" ?\d{4,5} \d{8} +\d+ +\d+\.\d\d\r?\n")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed way to read a file.

    Attributes
    ----------
    format
        Value for ``--format``.
    mapping
        Text of a mapping; None for a format that needs none.
    shipped
        Name of the mapping, if it is shipped.
    fields
        Fields with their source columns, for people.
    """

    format: str
    mapping: str | None = None
    shipped: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def propose(path: Path) -> Proposal:
    """Propose how to read a file.

    Raises
    ------
    UserError
        The file cannot be read, or its column names do not reveal customer, time and amount.
    """
    with opened(path) as stream:
        head = stream.read(1 << 16)
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare.startswith((b"{", b"[{")):
        first = bare.split(b"\n", 1)[0].decode("utf-8", "replace")
        if bare.startswith(b"{") and (_OWN_TYPES.search(first) or '"specversion"' in first):
            return Proposal("jsonl")
        return _shipped_json(path)
    if _CDNOW.match(head):
        return Proposal("csv", shipped()["cdnow"], "cdnow", tuple(_fields(read_mapping(shipped()["cdnow"], "cdnow"))))
    format = "xlsx" if head.startswith(ZIP_MAGIC) else "csv"
    if all(at is not None for at in column_positions(_blind(path).header).values()):
        return Proposal("online-retail" if format == "csv" else format)
    return _shipped_table(path, format) or _from_names(path, format)


def _blind(path: Path) -> Rows:
    """Return the file with any header: request all names known to proposals, and require none."""
    return rows_of(path, FileForm(), Wanted(each(KNOWN)))


def _shipped_table(path: Path, format: str) -> Proposal | None:
    """Return the shipped mapping whose required columns are all in the header, with the most columns."""
    best: tuple[int, str] | None = None
    for name, text in shipped().items():
        mapping = read_mapping(text, name)
        # Without a header, any file matches.
        if mapping.format == "json" or mapping.columns:
            continue
        with suppress(UserError):
            table, _ = open_tables(path, mapping)
            known = len({folded(one) for one in mapping.named()} & {folded(one) for one in table.header})
            if best is None or known > best[0]:
                best = known, name
    if best is None:
        return None
    name = best[1]
    return Proposal(format, shipped()[name], name, tuple(_fields(read_mapping(shipped()[name], name))))


def _shipped_json(path: Path) -> Proposal:
    """Return the shipped JSON mapping that matches the most records."""
    signs = Values(Times((), ZoneInfo("UTC")))
    best: tuple[int, str] | None = None
    for name, text in shipped().items():
        mapping = read_mapping(text, name)
        if mapping.format != "json":
            continue
        rows = JsonRows(path, mapping.wanted())
        fit = 0
        for row in islice(rows.rows(), _ROWS):
            if row.fault is None:
                cells = rows.named(row.cells)
                fit += any(
                    event.conditions.hold(cells, signs.sign)
                    and all(cells.get(column) for column in event.where)
                    and any(event.fields[field].of(cells) for field in ("customer_id", "occurred_at"))
                    for event in mapping.event
                )
        if fit and (best is None or fit > best[0]):
            best = fit, name
    if best is None:
        raise UserError(
            translatable("error strange json", path=path),
            translatable("error write mapping"),
        )
    name = best[1]
    return Proposal("jsonl", shipped()[name], name, tuple(_fields(read_mapping(shipped()[name], name))))


def _from_names(path: Path, format: str) -> Proposal:
    table = _blind(path)
    header = [name for name in table.header if name]
    rows, seen = _looked_at(table, header)
    found = columns_of(header, rows)
    missing = [field for field in ("customer_id", "occurred_at") if field not in found]
    if not {"total", "line_total", "price"} & found.keys():
        missing.append("total")
    if missing:
        raise UserError(
            translatable(
                "error strange columns", path=path, fields=" and ".join(missing), header=", ".join(header) or "none"
            ),
            translatable("error write mapping"),
        )
    if "refunded" in found and is_flag(seen[found["refunded"]]):
        del found["refunded"]
    states = states_of(_unused(found, seen))
    _refuse_customers(path, found)
    store = store_of(header, seen, found)
    if store is not None and not ids_clash(_cells(table), store, found):
        store = None
    text = written(found, rows, contacts_of(header, rows, found), states, clock_of(header, rows, found), store)
    return Proposal(format, text, None, tuple(_fields(read_mapping(text, "the proposal"))))


def _refuse_customers(path: Path, found: Mapping[str, str]) -> None:
    """Raise UserError for a list of customers with their order totals."""
    if _SUMMED.search(folded(found.get("total", ""))) or _LATEST.search(folded(found["occurred_at"])):
        raise UserError(translatable("error customers", path=path), translatable("error customers fix"))


def _unused(found: Mapping[str, str], seen: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    """Return the columns that no field uses."""
    taken = {name for field, name in found.items() if field not in ("name", "category") or "product_id" in found}
    return {name: texts for name, texts in seen.items() if name not in taken}


def _cells(table: Rows) -> Iterator[dict[str, str]]:
    """Yield a table's readable rows, by column."""
    return (dict(zip(table.header, row.cells, strict=False)) for row in table.rows() if row.fault is None)


def _looked_at(table: Rows, header: Sequence[str]) -> tuple[list[dict[str, str]], dict[str, dict[str, None]]]:
    """Return the first rows, and each column's distinct texts in all rows, if there are few."""
    rows: list[dict[str, str]] = []
    seen: dict[str, dict[str, None]] = {name: {} for name in header}
    places = [(at, seen[name]) for at, name in enumerate(table.header) if name]
    for row in table.rows():
        if row.fault is not None:
            continue
        if len(rows) < _ROWS:
            rows.append(dict(zip(table.header, row.cells, strict=False)))
        for at, texts in places:
            if len(texts) <= MOST_STATES:
                texts[row.cells[at].strip()] = None
    return rows, seen


def _fields(mapping: TableMapping) -> Iterator[tuple[str, str]]:
    """Yield fields with their columns, in words, from the first event and its lines."""
    event = mapping.event[0]
    for field, column in event.fields.items():
        yield field, column.names + (f" x {column.times}" if column.times else "")
    for field, column in event.lines.items():
        yield f"products.{field}", column.names
    for other in mapping.event[1:]:
        if other.type == "profile.updated":
            yield from ((field, one.names) for field, one in other.fields.items() if field.startswith("traits."))
            continue
        total = other.fields.get("total")
        yield other.type, total.names if total is not None else ""
