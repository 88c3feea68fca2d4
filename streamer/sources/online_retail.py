"""Read UCI Online Retail (Chen 2015, doi 10.24432/C5BW33): a UK gift shop's invoice lines, as order events.

All lines of an invoice form one event, unchanged: repeated lines stay separate lines, and service codes (POST, M ...)
are products. Invoices that begin with C are cancellations and name no order.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

from models.messages.translatable import translatable
from schemas.errors import UserError
from schemas.wire_time import iso
from streamer.sources.dialect import delimiter_of
from streamer.sources.files import content_hash, lines
from streamer.sources.guests import Guests
from streamer.sources.retail_rows import COLUMNS, BadRow, RetailTimes, Row, column_positions, parse_row
from streamer.sources.source import SourceEvent
from streamer.sources.times import day_order

CURRENCY = "GBP"
MAX_PRODUCTS = 1_000
"""The contract's limit of lines per order. The data set's largest invoice has 542."""

# Lines of an invoice may be interleaved with those of another from the same minute (542806 is). An invoice counts as
# complete after this many rows without a line of it, which bounds memory.
OPEN_ROWS = 1_000
_MAX_LINE_BYTES = 1 << 16
_CENT = Decimal("0.01")
_LOOKED_AT = 1_000
"""Number of rows searched for the order of day and month, if all dates begin with the year."""


@dataclass(slots=True)
class _Invoice:
    """An incomplete invoice."""

    first: Row
    first_row: int
    last_row: int
    lines: int = 0
    total: Decimal = Decimal(0)
    products: list[str] = field(default_factory=list)

    def add(self, row: Row, number: int) -> None:
        self.last_row = number
        self.lines += 1
        if self.lines > MAX_PRODUCTS:
            self.products.clear()
            return
        quantity = -row.quantity if row.takes_back else row.quantity
        self.total += quantity * row.price
        self.products.append(f'{{{_named(row.product, row.description)}"price":{row.price:f},"quantity":{quantity}}}')


@lru_cache(maxsize=16_384)
def _named(product: str, description: str) -> str:
    """Return the line fields that name its product; cached, because half a million lines name four thousand products."""
    name = f'"name":{json.dumps(description)},' if description else ""
    return f'"product_id":{json.dumps(product)},{name}'


class OnlineRetail:
    """A source of ``order.completed`` and ``order.cancelled`` events from the data set, plain or gzipped.

    Rows that cannot become part of an event are counted in ``skipped`` by reason: ``no_customer``,
    ``column_count``, ``too_long``, ``bad_invoice``, ``bad_customer``, ``bad_product``, ``bad_quantity``,
    ``bad_price``, ``bad_date``, ``bad_csv``, ``adjustment`` (invoices that begin with A: no sale),
    ``wrong_sign`` (a negative line of an order, a positive one of a cancellation) and ``too_many_lines``.
    No row is guessed or corrected. Ids are functions of the content, so the same file yields the same events.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()
        self.guests = Guests()
        """Invoices without a customer found by the last read."""
        self.notes: list[str] = []
        self.on_refused: Callable[[int, str], object] = lambda line, reason: None
        """Called with the line of each skipped row and the reason."""

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of the uncompressed file."""
        return content_hash(self.path)

    def events(self) -> Iterator[SourceEvent]:
        """Yield one event per invoice and customer, in the order of the invoices' first lines. Raises UserError."""
        return (event for _, event in self.numbered())

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the events, each with the line of its invoice's first row; assumes that no row spans several lines.

        Raises
        ------
        UserError
            Columns are missing (the message names them), or the file is damaged.
        """
        self.rows, self.skipped, self.guests = 0, Counter(), Guests()
        opened: dict[tuple[str, str], _Invoice] = {}
        for row in self._rows():
            number = self.rows or 0
            key = (row.invoice, row.customer)
            invoice = opened.get(key)
            if invoice is None:
                invoice = opened[key] = _Invoice(row, number, number)
            invoice.add(row, number)
            # Insertion order is arrival order: an open invoice delays all that began after it.
            while (oldest := next(iter(opened.values()))).last_row <= number - OPEN_ROWS:
                del opened[oldest.first.invoice, oldest.first.customer]
                yield from self._closed(oldest)
        for invoice in opened.values():
            yield from self._closed(invoice)

    def _rows(self) -> Iterator[Row]:
        """Yield the usable rows; count all rows, and the unusable ones by reason."""
        delimiter = delimiter_of(
            [line.decode("utf-8", "replace") for line in islice(lines(self.path, _MAX_LINE_BYTES), 20) if line]
        )
        commas = delimiter != ","
        reader = csv.reader(self._text(), delimiter=delimiter)
        header = next(reader, [])
        columns = column_positions(header)
        missing = [name for name, at in columns.items() if at is None]
        if missing:
            raise UserError(
                f"{self.path} is not an Online Retail file: no column {', '.join(missing)}",
                f"the first line must contain {', '.join(COLUMNS)}",
            )
        positions = [at for at in columns.values() if at is not None]
        times = RetailTimes(self._day_first(delimiter, positions[list(COLUMNS).index("InvoiceDate")]))
        while True:
            try:
                cells = next(reader, None)
            except csv.Error:
                self._count()
                self.skipped["bad_csv"] += 1
                continue
            if cells is None:
                return
            if not cells:
                continue
            self._count()
            row = parse_row(cells, positions, len(header), times, commas=commas)
            if isinstance(row, BadRow):
                self._leave_out(row)
                self.on_refused((self.rows or 0) + 1, row.reason)
            else:
                yield row

    def _leave_out(self, row: BadRow) -> None:
        self.skipped[row.reason] += 1
        if row.money and row.invoice[:1] != "A":
            self.guests.add(row.invoice, abs(row.money), CURRENCY, refund=row.money < 0)

    def _day_first(self, delimiter: str, column: int) -> bool | None:
        """Return whether the day comes first in dates such as 1/2/2010, decided by the first unambiguous date."""
        texts = (line.decode("utf-8", "replace") for line in lines(self.path, _MAX_LINE_BYTES) if line is not None)
        try:
            for number, cells in enumerate(csv.reader(texts, delimiter=delimiter)):
                date = cells[column] if len(cells) > column else ""
                if (order := day_order(date)) is not None:
                    self.notes = [translatable("file note day") if order == "day" else translatable("file note month")]
                    return order == "day"
                # The data set's original form: later rows add no information.
                if number > _LOOKED_AT and date[4:5] == "-":
                    return None
        except csv.Error:
            pass
        return None

    def _count(self) -> None:
        self.rows = (self.rows or 0) + 1

    def _text(self) -> Iterator[str]:
        for line in lines(self.path, _MAX_LINE_BYTES):
            if line is None:
                self._count()
                self.skipped["too_long"] += 1
            else:
                # Only descriptions contain non-ASCII characters, and some exports of this set are Latin-1.
                yield line.decode("utf-8", errors="replace")

    def _closed(self, invoice: _Invoice) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the event of a complete invoice, unless it exceeds the contract's limit."""
        if invoice.lines > MAX_PRODUCTS:
            self.skipped["too_many_lines"] += invoice.lines
            return
        first = invoice.first
        number = json.dumps(first.invoice)
        body = (
            f'"customer_id":"{first.customer}","occurred_at":"{iso(first.at)}",'
            + (f'"refund_id":{number},' if first.takes_back else f'"order_id":{number},')
            + f'"total":{invoice.total.quantize(_CENT)},"currency":"{CURRENCY}",'
            + f'"products":[{",".join(invoice.products)}]'
        )
        event_id = hashlib.sha256(body.encode()).hexdigest()[:32]
        kind = "order.cancelled" if first.takes_back else "order.completed"
        value = f'{{"event_id":"{event_id}","type":"{kind}",{body}}}'
        # The header is the first line.
        yield invoice.first_row + 1, SourceEvent(first.at, first.customer.encode(), value.encode())
