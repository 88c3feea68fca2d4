"""Recount a file's totals by an independent method, to check an import.

This module shares with `mapped_file` only the mapping's meaning (columns, conditions) and the detected format
(encoding, delimiter, lines above the header); users see both. It splits records with its own reader, parses amounts by
its own rules, and groups and adds by itself. Dates, customers and repeats are ignored: the import decides which rows to
omit for those, and reports each.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Final

from schemas.money import EXPONENTS
from streamer.sources.columns import ABSENT
from streamer.sources.files import opened
from streamer.sources.jsonl import JsonLines
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import EventMapping, TableMapping
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.recount_rows import Tables, cells_again, rows_again
from streamer.sources.retail_rows import column_positions
from streamer.sources.source import FileSource

ORDER: Final = "order"
REFUND: Final = "refund"
_KINDS: Final = {"order.completed": ORDER, "order.refunded": REFUND, "order.cancelled": REFUND}

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """An order or refund with its amount in major units of its currency.

    ``amount`` is None if these rules cannot read it; ``currency`` is None if no column names one.
    """

    line: int
    kind: str
    amount: Decimal | None
    currency: str | None


def recount(source: FileSource, refused: Container[int] = ()) -> Iterator[Counted]:
    """Yield the orders and refunds of a file, by line.

    Parameters
    ----------
    refused
        Lines of single rows that an import omits from their orders; each is counted separately.
    """
    if isinstance(source, MappedFile):
        yield from recount_table(source)
    elif isinstance(source, OnlineRetail):
        yield from recount_retail(source, refused)
    elif isinstance(source, JsonLines):
        with opened(source.path) as stream:
            yield from recount_jsonl(enumerate(stream, 1))


def recount_table(source: MappedFile) -> Iterator[Counted]:
    """Yield the orders and refunds of a table or of JSON lines, by line, for each group of rows that a mapping forms."""
    mapping, tables = source.mapping, Tables(source.joins)
    events = [one for one in mapping.event if one.type in _KINDS]
    with closing(sqlite3.connect("")) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE rows (event INTEGER, unit, line INTEGER, cells)")
        marks: Counter[str] = Counter()
        amounts = [event.fields["total"].named() if "total" in event.fields else () for event in events]
        names = [tuple(one) for one in amounts]
        for at, unit, line, cells, shared in _units(source, events, tables):
            own = _currency(events[at], shared) or source.currency
            marks.update(_mark(shared.get(name, "")) or _grouped(shared.get(name, ""), own) for name in names[at])
            database.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", (at, unit, line, json.dumps(dict(cells))))
        comma = _has_commas(mapping, marks)
        rows = database.execute("SELECT event, unit, line, cells FROM rows ORDER BY event, unit, line")
        for (at, _), unit_rows in groupby(rows, key=lambda row: row[:2]):
            found = [(line, json.loads(text)) for _, _, line, text in unit_rows]
            yield from _unit(events[at], mapping, tables, found, comma)


def _has_commas(mapping: TableMapping, marks: Counter[str]) -> bool:
    shown = marks[","] or (not marks["."] and marks["1.234"])
    return mapping.decimal == "," or (mapping.decimal is None and shown > marks["."])


def _units(
    source: MappedFile, events: Sequence[EventMapping], tables: Tables
) -> Iterator[tuple[int, str, int, Cells, Cells]]:
    """Yield each row with its possible events (as index in ``events``), its group there, and its joined cells."""
    mapping, comma = source.mapping, source.mapping.decimal == ","
    sharing: dict[tuple[str, ...], list[EventMapping]] = {}
    for one in mapping.event:
        sharing.setdefault(one.group or mapping.group, []).append(one)
    for line, cells in rows_again(source.table, mapping):
        shared = _shared(tables.of([cells], ()))
        for at, event in enumerate(events):
            group = event.group or mapping.group
            # The rows of a group decide together. Where groups differ, each row decides.
            if len(sharing) > 1 and not any(_wanted(one, shared, comma) for one in sharing[group]):
                continue
            if all(shared.get(name, "") for name in group):
                yield at, "\x1f".join(shared[name] for name in group) if group else str(line), line, cells, shared


def _unit(
    event: EventMapping, mapping: TableMapping, tables: Tables, rows: Sequence[tuple[int, Cells]], comma: bool
) -> Iterator[Counted]:
    customer = event.fields.get("customer_id")
    group = event.group or mapping.group
    parts: dict[str, list[Cells]] = {}
    last = ""
    for _, cells in rows:
        last = (customer.of(cells).casefold() if customer is not None else "") or last
        parts.setdefault(last, []).append(cells)
    if "" in parts and len(parts) > 1:
        name = next(name for name in parts if name)
        parts[name] = parts.pop("") + parts[name]
    for own in parts.values():
        found = tables.of(own, group)
        shared = _shared(found)
        if _wanted(event, shared, comma):
            for entry in _each(event, shared):
                yield _counted(event, mapping, rows[0][0], {**shared, **entry}, _Money(tables, found, comma))


def _each(event: EventMapping, shared: Cells) -> Iterator[dict[str, str]]:
    """Yield the entries of the list an event is read from; a single empty one if it reads no list."""
    if event.each is None:
        yield {}
        return
    for entry in json.loads(shared.get(event.each) or "[]"):
        yield {f"{event.each}[].{name}": str(value) for name, value in entry.items() if value is not None}


def _shared(tables: Sequence[Sequence[Cells]]) -> dict[str, str]:
    """Return the values that rows share: the first text under each name."""
    shared: dict[str, str] = {}
    for rows in tables:
        for cells in rows:
            for name, text in cells.items():
                if text and not shared.get(name):
                    shared[name] = text
    return shared


@dataclass(frozen=True, slots=True)
class _Money:
    """Adds up the amounts of one unit."""

    tables: Tables
    rows: Sequence[Sequence[Cells]]
    comma: bool

    def sum(self, names: Sequence[str], times: str | None) -> Decimal | None:
        """Return the sum of columns; None if a cell is not an amount or all are empty."""
        found: list[Decimal] = []
        for name in names:
            for cells in self.rows[self.tables.home([name, *([times] if times else [])])]:
                text, factor = cells.get(name, ""), cells.get(times, "") if times else ""
                if not text or text.casefold() in ABSENT:
                    continue
                amount, pieces = plain_amount(text, self.comma), plain_amount(factor or "1", self.comma)
                if amount is None or pieces is None:
                    return None
                found.append(amount * pieces)
        return sum(found, Decimal(0)) if found else None


def _counted(event: EventMapping, mapping: TableMapping, line: int, shared: Cells, money: _Money) -> Counted:
    column = event.fields.get("total")
    constant = event.constants.get("total")
    amount: Decimal | None = None if constant is None else Decimal(str(constant))
    beside = None
    if column is not None and column.sum:
        amount = money.sum(column.sum, column.times)
        beside = next((code for name in column.sum if (code := currency_beside(shared.get(name, "")))), None)
    elif column is not None:
        text = column.of(shared)
        amount, beside = plain_amount(text, money.comma), currency_beside(text)
    currency = _currency(event, shared) or beside or mapping.currency
    if amount is not None and event.minor_units:
        amount = amount.scaleb(-EXPONENTS.get(currency or "EUR", 2))
    kind = _KINDS[event.type]
    return Counted(line, kind, abs(amount) if amount is not None and kind == REFUND else amount, currency)


def _currency(event: EventMapping, shared: Mapping[str, str]) -> str | None:
    column = event.fields.get("currency")
    text = column.of(shared) if column is not None else str(event.constants.get("currency", ""))
    # Euro and EUR, zloty and PLN: the word begins with a code, or is a sign.
    return currency_beside(text) or (text[:3].upper() if text[:3].upper() in EXPONENTS else text.upper()) or None


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
    """Return the decimal sign that an amount proves, or an empty text."""
    text = unicodedata.normalize("NFKC", text)
    if not _AMOUNT.fullmatch(text):
        return ""
    # The full stop of an abbreviation (Rs., руб.) is not part of the number.
    digits = re.sub(r"[^\d.,]", "", text).strip(".,")
    at = max(digits.rfind("."), digits.rfind(","))
    if at < 0:
        return ""
    sign, behind, front = digits[at], len(digits) - at - 1, digits[:at]
    if behind != 3 or front in ("", "0") or ("." in front and sign == ",") or ("," in front and sign == "."):
        return sign if digits.count(sign) == 1 else ""
    return ""


def _grouped(text: str, currency: str) -> str:
    """Return ``1.234`` if the text has an amount such as ``1.234 ₫``, whose currency has no decimals, else an empty text."""
    is_whole = EXPONENTS.get(currency_beside(text) or currency) == 0
    return "1.234" if is_whole and re.search(r"(?<![\d.])\d{1,3}\.\d{3}(?![\d.])", text) else ""


def plain_amount(text: str, comma: bool = False) -> Decimal | None:
    """Parse a number by simple rules: digits, one decimal sign, a sign or brackets. Everything else is ignored.

    >>> plain_amount("EUR 1.234,50-", True), plain_amount("(1,200.00)"), plain_amount("n/a")
    (Decimal('-1234.50'), Decimal('-1200.00'), None)
    """
    # A dash in place of cents means no cents.
    if any(unicodedata.category(sign) == "No" for sign in text):
        return None
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).strip().translate(_SIGNS)
    text = re.sub(r"(?<=\d)(?:[.,]--?|/-)(?=\D*$)", "", text)
    # The full stops of Fr. and Rs. are not part of the number.
    text = re.sub(r"(?<=[^\W\d])\.(?=\s*[\d\W])|(?<=[^\W\d])\.$", "", text)
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


_SIGNS: Final = str.maketrans({**dict.fromkeys("‐‑‒–—−﹣－", "-"), "\u066b": ".", "\u066c": "'"})
_NAMES: Final = {
    "US$": "USD", "HK$": "HKD", "NT$": "TWD", "NZ$": "NZD", "MX$": "MXN", "AU$": "AUD", "CA$": "CAD",
    "A$": "AUD", "C$": "CAD", "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP", "元": "CNY", "円": "JPY", "₹": "INR", "₽": "RUB",
    "₺": "TRY", "₴": "UAH", "₪": "ILS", "₦": "NGN", "₱": "PHP", "฿": "THB", "₩": "KRW", "₫": "VND", "₸": "KZT", "₼": "AZN",
    "₾": "GEL", "원": "KRW", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON", "人民币": "CNY", "圆": "CNY",
    "грн": "UAH", "บาท": "THB",
}  # fmt: skip
"""Signs and words by currency, longest first."""


def currency_beside(text: str) -> str | None:
    """Return the currency whose code, or unambiguous sign, is next to an amount."""
    found = re.search(r"(?<![A-Za-z])([A-Za-z]{3})(?![A-Za-z])", text)
    if found is not None and found[1].upper() in EXPONENTS:
        return found[1].upper()
    return next((code for sign, code in _NAMES.items() if sign in text), None)


def recount_retail(source: OnlineRetail, refused: Container[int] = ()) -> Iterator[Counted]:
    """Yield the invoices of an Online Retail file: all lines with the same number and customer, wherever they are."""
    lines: dict[tuple[str, str], int] = {}
    sums: dict[tuple[str, str], Decimal] = {}
    with opened(source.path) as stream:
        text = io.TextIOWrapper(stream, "utf-8", errors="replace")
        head = text.readline().rstrip("\n").removeprefix("\ufeff")
        delimiter = max(",;\t", key=head.count)
        places = column_positions(cells_again(head, delimiter))
        at = [one if one is not None else -1 for one in places.values()]
        for number, line in enumerate(text, 2):
            cells = cells_again(line.rstrip("\n"), delimiter)
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
    """Yield the orders and refunds of events in the service's own, Segment's or CloudEvents' format, by line."""
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
