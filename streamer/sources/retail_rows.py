"""Parse or reject one row of Online Retail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.ids import customer_id, is_nobody
from streamer.sources.times import Times

COLUMNS: dict[str, tuple[str, ...]] = {
    "InvoiceNo": ("invoiceno", "invoice"),
    "StockCode": ("stockcode",),
    "Description": ("description",),
    "Quantity": ("quantity",),
    "InvoiceDate": ("invoicedate",),
    "UnitPrice": ("unitprice", "price"),
    "CustomerID": ("customerid",),
    "Country": ("country",),
}
"""Columns and their spellings; Online Retail II writes Invoice, Price and "Customer ID"."""

ZONE = ZoneInfo("Europe/London")
_INVOICE = re.compile(r"[AC]?[A-Za-z0-9-]{1,64}")
_MAX_QUANTITY = 1_000_000
_MAX_PRICE = Decimal(10_000_000)


class Row(NamedTuple):
    """A line of an invoice. ``quantity`` is negative if ``takes_back`` is true; ``price`` is never negative."""

    invoice: str
    product: str
    description: str
    quantity: int
    at: int
    price: Decimal
    customer: str
    takes_back: bool


@dataclass(frozen=True, slots=True)
class BadRow:
    """A rejected row with its reason and, if it has no customer, its invoice and amount."""

    reason: str
    invoice: str = ""
    money: Decimal = Decimal(0)


def column_positions(header: Sequence[str]) -> dict[str, int | None]:
    """Return the index of each of ``COLUMNS`` in a header line; ``None`` if missing."""
    found = {re.sub(r"[^a-z]", "", name.lower()): at for at, name in enumerate(header)}
    return {name: next((found[s] for s in spellings if s in found), None) for name, spellings in COLUMNS.items()}


def parse_row(
    cells: Sequence[str], positions: Sequence[int], width: int, times: RetailTimes, *, commas: bool = False
) -> Row | BadRow:
    """Parse the row in ``cells``, whose columns are at ``positions`` (in the order of ``COLUMNS``).

    ``commas`` means that prices have a decimal comma. A missing customer takes precedence over all other faults,
    because such rows are counted rather than guessed.
    """
    if len(cells) != width:
        return BadRow("column_count")
    invoice, product, description, quantity_text, date, price_text, customer, _ = [cells[p] for p in positions]
    customer = customer.removesuffix(".0")
    if is_nobody(customer):
        return BadRow(
            "no_customer", invoice, _money(quantity_text, price_text.replace(",", ".") if commas else price_text)
        )
    try:
        customer = customer_id(customer)
    except ValueError:
        return BadRow("bad_customer")
    if (fault := _wrong_name(invoice, product)) is not None:
        return BadRow(fault)
    at = times.epoch_ms(date)
    if at is None:
        return BadRow("bad_date")
    try:
        quantity = int(quantity_text.removesuffix(".0"))
    except ValueError:
        return BadRow("bad_quantity")
    price = _price(price_text.replace(",", ".") if commas else price_text)
    if price is None:
        return BadRow("bad_price")
    if quantity == 0 or abs(quantity) > _MAX_QUANTITY:
        return BadRow("bad_quantity")
    takes_back = invoice[0] == "C"
    if takes_back != (quantity < 0):
        return BadRow("wrong_sign")
    return Row(invoice, product, description.strip(), quantity, at, price, customer, takes_back)


def _wrong_name(invoice: str, product: str) -> str | None:
    """Return why an invoice or a product is invalid, or None."""
    if not _INVOICE.fullmatch(invoice):
        return "bad_invoice"
    if invoice[0] == "A":
        return "adjustment"
    return "bad_product" if not product or len(product) > 128 else None


def _money(quantity: str, price: str) -> Decimal:
    """Return the amount of a line without a customer: negative for a cancellation, 0 if unreadable."""
    cost = _price(price)
    try:
        pieces = int(quantity.removesuffix(".0"))
    except ValueError:
        return Decimal(0)
    return Decimal(0) if cost is None or abs(pieces) > _MAX_QUANTITY else pieces * cost


@lru_cache(maxsize=4096)
def _price(text: str) -> Decimal | None:
    """Return a valid price, or None; cached, because a shop has few different prices."""
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price <= _MAX_PRICE else None


class RetailTimes:
    """Parses London local times since 1990, in the formats of known copies of the data set.

    Parameters
    ----------
    day_first
        Whether ``1/2/2010`` begins with the day; None to reject such dates.

    >>> plain, slashed = RetailTimes(None), RetailTimes(False)
    >>> plain.epoch_ms("2011-07-01 12:00:00") == slashed.epoch_ms("7/1/2011 12:00") == 1_309_518_000_000
    True
    """

    def __init__(self, day_first: bool | None) -> None:
        self._times = Times((), ZONE)
        self._times.day_first = day_first
        self.epoch_ms = lru_cache(maxsize=4096)(self._epoch_ms)

    def _epoch_ms(self, text: str) -> int | None:
        """Return the epoch ms, or None if the text is not a time."""
        try:
            return self._times.instant(text)
        except ValueError:
            return None
