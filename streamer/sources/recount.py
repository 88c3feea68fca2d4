"""The totals of a file, counted a second time and by another way, so that an import can be held against them.

What is shared with the way of `mapped_file` is the mapping's meaning (which columns, which conditions) and what was
found out about the file's bytes (encoding, delimiter, lines above the header); both are shown to the reader. Records are
split by a reader of its own, amounts are read by rules of its own, groups are gathered and added here. Dates, customers
and repeats play no part: which rows an import leaves out for those is its own matter, and told by row.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
import unicodedata
from collections import Counter, deque
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby, islice
from typing import Final

from schemas.money import EXPONENTS
from streamer.sources.columns import ABSENT
from streamer.sources.files import opened
from streamer.sources.jsonl import JsonLines
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import EventMapping, TableMapping
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.retail_rows import column_positions
from streamer.sources.source import FileSource
from streamer.sources.text_rows import TextRows, clean

ORDER: Final = "order"
REFUND: Final = "refund"
_KINDS: Final = {"order.completed": ORDER, "order.refunded": REFUND, "order.cancelled": REFUND}
_MOST_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """What a line of the file says: an order or a refund, and its amount in the units of its currency.

    ``amount`` is None where the text is no amount by these rules; ``currency`` where no column names one.
    """

    line: int
    kind: str
    amount: Decimal | None
    currency: str | None


def recount(source: FileSource, refused: Container[int] = ()) -> Iterator[Counted]:
    """The orders and refunds of a file, by line.

    Parameters
    ----------
    refused
        Lines of single rows that an import leaves out of the orders they belong to: each is counted by itself.
    """
    if isinstance(source, MappedFile):
        yield from recount_table(source)
    elif isinstance(source, OnlineRetail):
        yield from recount_retail(source, refused)
    elif isinstance(source, JsonLines):
        with opened(source.path) as stream:
            yield from recount_jsonl(enumerate(stream, 1))


def recount_table(source: MappedFile) -> Iterator[Counted]:
    """The orders and refunds of a table or of JSON lines, by line; one for each group of rows that a mapping makes."""
    mapping = source.mapping
    events = [one for one in mapping.event if one.type in _KINDS]
    with closing(sqlite3.connect("")) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE rows (event INTEGER, unit, line INTEGER, cells)")
        marks: Counter[str] = Counter()
        amounts = [event.fields["total"].named() if "total" in event.fields else () for event in events]
        names = [tuple(one) for one in amounts]
        for at, unit, line, cells in _units(source, events):
            marks.update(_mark(cells.get(name, "")) for name in names[at])
            database.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", (at, unit, line, json.dumps(dict(cells))))
        comma = mapping.decimal == "," or (mapping.decimal is None and marks[","] > marks["."])
        rows = database.execute("SELECT event, unit, line, cells FROM rows ORDER BY event, unit, line")
        for (at, _), unit_rows in groupby(rows, key=lambda row: row[:2]):
            found = [(line, json.loads(text)) for _, _, line, text in unit_rows]
            yield from _unit(events[at], mapping, found, comma)


def _units(source: MappedFile, events: Sequence[EventMapping]) -> Iterator[tuple[int, str, int, Mapping[str, str]]]:
    """Each row with the events it may be a part of (their place in ``events``), and the group it belongs to there."""
    mapping, comma = source.mapping, source.mapping.decimal == ","
    sharing: dict[tuple[str, ...], list[EventMapping]] = {}
    for one in mapping.event:
        sharing.setdefault(one.group or mapping.group, []).append(one)
    for line, cells in _rows(source):
        for at, event in enumerate(events):
            group = event.group or mapping.group
            # Rows of one group tell together what they are; where groups differ, each row does.
            if len(sharing) > 1 and not any(_wanted(one, cells, comma) for one in sharing[group]):
                continue
            if all(cells.get(name, "") for name in group):
                yield at, "\x1f".join(cells[name] for name in group) if group else str(line), line, cells


def _rows(source: MappedFile) -> Iterator[tuple[int, Mapping[str, str]]]:
    table = source.table
    if not isinstance(table, TextRows) or table.delimiter == "whitespace":
        yield from ((row.line, table.named(row.cells)) for row in table.rows() if row.fault is None)
        return
    places = dict(table.places)
    strip, ends = source.mapping.strip, source.mapping.ends_before
    for line, cells in _split(table, bool(source.mapping.columns)):
        if ends is not None and cells and cells[0].startswith(ends):
            return
        if len(cells) >= len(table.header):
            yield line, {name: clean(cells[at], strip) for name, at in places.items()}


def _split(table: TextRows, given: bool) -> Iterator[tuple[int, list[str]]]:
    """Records of a text: lines up to an even number of quotes, where these are as wide as the header."""
    with opened(table.path) as stream:
        text = io.TextIOWrapper(stream, table.encoding, errors="replace")
        lines = deque(islice(text, table.skip, table.skip + _MOST_LINES))
        number = table.skip
        # A header that the mapping gives stands in no line.
        below = given
        while lines:
            count = _lines_of(lines)
            cells = _cells("".join(islice(lines, count)).rstrip("\n"), table.delimiter)
            if count > 1 and len(cells) != len(table.header):
                count, cells = 1, _cells(lines[0].rstrip("\n"), table.delimiter)
            for _ in range(count):
                lines.popleft()
            if below and any(cells):
                yield number + 1, cells
            below, number = True, number + count
            lines.extend(islice(text, count))


def _lines_of(lines: Sequence[str]) -> int:
    """How many lines make a record: up to an even number of quotes; 1 where that never comes."""
    quotes = 0
    for count, line in enumerate(lines, 1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            return count
    return 1


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = []
    at, size = 0, len(text)
    while at <= size:
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


def _unit(
    event: EventMapping, mapping: TableMapping, rows: Sequence[tuple[int, Mapping[str, str]]], comma: bool
) -> Iterator[Counted]:
    customer = event.fields.get("customer_id")
    parts: dict[str, list[Mapping[str, str]]] = {}
    last = ""
    for _, cells in rows:
        last = (customer.of(cells).casefold() if customer is not None else "") or last
        parts.setdefault(last, []).append(cells)
    if "" in parts and len(parts) > 1:
        name = next(name for name in parts if name)
        parts[name] = parts.pop("") + parts[name]
    for found in parts.values():
        shared: dict[str, str] = {}
        for cells in found:
            for name, text in cells.items():
                if text and not shared.get(name):
                    shared[name] = text
        if _wanted(event, shared, comma):
            yield _counted(event, mapping, rows[0][0], shared, found, comma)


def _counted(
    event: EventMapping,
    mapping: TableMapping,
    line: int,
    shared: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    comma: bool,
) -> Counted:
    column = event.fields.get("total")
    constant = event.constants.get("total")
    amount: Decimal | None = None if constant is None else Decimal(str(constant))
    beside = None
    if column is not None and column.sum:
        amount = _sum(rows, column.sum, column.times, comma)
    elif column is not None:
        text = column.of(shared)
        amount, beside = plain_amount(text, comma), currency_beside(text)
    currency = _currency(event, shared) or beside or mapping.currency
    if amount is not None and event.minor_units:
        amount = amount.scaleb(-EXPONENTS.get(currency or "EUR", 2))
    kind = _KINDS[event.type]
    return Counted(line, kind, abs(amount) if amount is not None and kind == REFUND else amount, currency)


def _currency(event: EventMapping, shared: Mapping[str, str]) -> str | None:
    column = event.fields.get("currency")
    text = column.of(shared).upper() if column is not None else str(event.constants.get("currency", ""))
    return text or None


def _sum(rows: Sequence[Mapping[str, str]], name: str, times: str | None, comma: bool) -> Decimal | None:
    """The sum of a column over rows; None where one of them holds no amount, or none holds anything."""
    found: list[Decimal] = []
    for cells in rows:
        text, factor = cells.get(name, ""), cells.get(times, "") if times else ""
        if not text or text.casefold() in ABSENT:
            continue
        amount, pieces = plain_amount(text, comma), plain_amount(factor or "1", comma)
        if amount is None or pieces is None:
            return None
        found.append(amount * pieces)
    return sum(found, Decimal(0)) if found else None


def _wanted(event: EventMapping, cells: Mapping[str, str], comma: bool) -> bool:
    def holds(name: str, values: Sequence[str]) -> bool:
        text = cells.get(name, "")
        if text.casefold() in {value.casefold() for value in values}:
            return True
        amount = plain_amount(text, comma)
        if amount is None:
            return False
        return any(
            (value == "<0" and amount < 0)
            or (value == ">0" and amount > 0)
            or (value == "=0" and amount == 0)
            or (value == "!=0" and amount != 0)
            for value in values
        )

    return all(holds(name, values) for name, values in event.where.items()) and not any(
        holds(name, values) for name, values in event.unless.items()
    )


_AMOUNT: Final = re.compile(r"[^\d@]{0,5}\d[\d., \u00a0']*[^\d@]{0,5}")


def _mark(text: str) -> str:
    """The decimal sign that an amount shows beyond doubt, else nothing."""
    text = unicodedata.normalize("NFKC", text)
    if not _AMOUNT.fullmatch(text):
        return ""
    digits = re.sub(r"[^\d.,]", "", text)
    at = max(digits.rfind("."), digits.rfind(","))
    if at < 0:
        return ""
    sign, behind, front = digits[at], len(digits) - at - 1, digits[:at]
    if behind != 3 or front in ("", "0") or ("." in front and sign == ",") or ("," in front and sign == "."):
        return sign if digits.count(sign) == 1 else ""
    return ""


def plain_amount(text: str, comma: bool = False) -> Decimal | None:
    """A number by plain rules: digits, one decimal sign, a sign or brackets; what else stands there is left out.

    >>> plain_amount("EUR 1.234,50-", True), plain_amount("(1,200.00)"), plain_amount("n/a")
    (Decimal('-1234.50'), Decimal('-1200.00'), None)
    """
    text = unicodedata.normalize("NFKC", text).strip().translate(_DASHES)
    digits = "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in text)
    point = "," if comma else "."
    exponent = re.search(r"\d[eE]([+-]?\d{1,2})$", digits)
    mantissa = digits[: exponent.start() + 1] if exponent else digits
    kept = re.sub(rf"[^\d{re.escape(point)}]", "", mantissa).rstrip(point if mantissa.rstrip().endswith(".") else "")
    negative = "-" in mantissa or (text.startswith("(") and text.endswith(")"))
    try:
        value = Decimal(kept.replace(",", "."))
    except InvalidOperation:
        return None
    if exponent:
        value = value.scaleb(int(exponent[1]))
    return -value if negative else value


_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–−﹣－", "-"))
_NAMES: Final = {"€": "EUR", "£": "GBP", "元": "CNY", "円": "JPY"}


def currency_beside(text: str) -> str | None:
    """The currency whose code, or sign beyond doubt, stands beside an amount."""
    found = re.search(r"(?<![A-Za-z])([A-Za-z]{3})(?![A-Za-z])", text)
    if found is not None and found[1].upper() in EXPONENTS:
        return found[1].upper()
    return next((code for sign, code in _NAMES.items() if sign in text), None)


def recount_retail(source: OnlineRetail, refused: Container[int] = ()) -> Iterator[Counted]:
    """The invoices of an Online Retail file: all lines of a number and customer, wherever they stand."""
    lines: dict[tuple[str, str], int] = {}
    sums: dict[tuple[str, str], Decimal] = {}
    with opened(source.path) as stream:
        text = io.TextIOWrapper(stream, "utf-8", errors="replace")
        head = text.readline().rstrip("\n").removeprefix("\ufeff")
        delimiter = max(",;\t", key=head.count)
        places = column_positions(_cells(head, delimiter))
        at = [one if one is not None else -1 for one in places.values()]
        for number, line in enumerate(text, 2):
            cells = _cells(line.rstrip("\n"), delimiter)
            if len(cells) <= max(at):
                continue
            invoice, _, _, quantity, _, price, customer, _ = (cells[one] for one in at)
            pieces, cost = plain_amount(quantity), plain_amount(price, delimiter != ",")
            if pieces is None or cost is None or cost < 0 or invoice.startswith("A"):
                continue
            if number in refused:
                yield Counted(number, REFUND if pieces < 0 else ORDER, abs(pieces) * cost, "GBP")
                continue
            key = (invoice, customer.removesuffix(".0"))
            lines.setdefault(key, number)
            sums[key] = sums.get(key, Decimal(0)) + abs(pieces) * cost
    for key, amount in sums.items():
        yield Counted(lines[key], REFUND if key[0].startswith("C") else ORDER, amount, "GBP")


_NAMES_OF: Final = {
    "ordercompleted": ORDER,
    "orderrefunded": REFUND,
    "ordercancelled": REFUND,
    "ordercanceled": REFUND,
}


def recount_jsonl(lines: Iterator[tuple[int, bytes]]) -> Iterator[Counted]:
    """The orders and refunds of events in the service's own form, Segment's or CloudEvents', by line."""
    for number, line in lines:
        try:
            body = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError):
            continue
        if not isinstance(body, dict):
            continue
        kind = next(
            (_NAMES_OF[name] for name in map(_bare, (body.get("event"), body.get("type"))) if name in _NAMES_OF), None
        )
        inner = next((body[name] for name in ("properties", "data") if isinstance(body.get(name), dict)), body)
        total = next((inner[name] for name in ("total", "revenue", "value") if inner.get(name) is not None), None)
        if kind is None or total is None:
            continue
        amount, currency = plain_amount(str(total)), inner.get("currency")
        named = currency.upper() if isinstance(currency, str) else None
        yield Counted(number, kind, abs(amount) if amount is not None and kind == REFUND else amount, named)


def _bare(name: object) -> str:
    return re.sub(r"[^a-z]", "", name.lower()) if isinstance(name, str) else ""
