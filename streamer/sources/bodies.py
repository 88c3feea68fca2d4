"""Convert the rows of one unit (a row, or a group of rows) to event bodies, or report why there are none."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import Any, Final

from models.messages.translatable import text_of, translatable
from schemas.money import exponent
from streamer.sources.columns import ABSENT, Column
from streamer.sources.json_rows import line_cells
from streamer.sources.mapping import EventMapping, TableMapping
from streamer.sources.numbers import Amount
from streamer.sources.times import BadDate
from streamer.sources.values import MONEY, Values

Cells = Mapping[str, str]
Meanings = frozenset[str]
Numbered = tuple[int, Cells]
"""A row's cells with the line on which the row begins."""

FROM_CONTENT: Final = "row-"
"""Prefix of ids of orders and refunds that no column identifies."""
_REVERSALS: Final = frozenset(("order.refunded", "order.cancelled"))

_SUMS: Final = frozenset(
    (
        *(
            "total",
            "totals",
            "grand total",
            "sum",
            "subtotal",
            "sub total",
            "gesamt",
            "summe",
            "gesamtsumme",
            "zwischensumme",
        ),
        *(
            "total général",
            "totale",
            "totaal",
            "suma",
            "razem",
            "celkem",
            "összesen",
            "toplam",
            "totalt",
            "итого",
            "всего",
        ),
        *(
            "total geral",
            "yhteensä",
            "i alt",
            "σύνολο",
            "разом",
            "усього",
            "المجموع",
            "الإجمالي",
            'סה"כ',
            "รวม",
            "tổng cộng",
        ),
        *("合计", "总计", "小计", "合計", "総計", "小計", "합계", "총계", "소계"),
    )
)
"""Values of the customer column, in lower case, that mark a line of totals."""


class Refused(Exception):
    """Raised for rows that yield no event. ``line`` is the faulty line, or None if all rows are faulty."""

    def __init__(self, reason: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.line = line


@dataclass(frozen=True)
class Bodies:
    """Builds event bodies by the conventions of one file.

    Attributes
    ----------
    nobody
        Placeholder ids, in lower case, that do not identify a customer.
    is_number
        Returns whether a custom trait from a column is a number.
    """

    mapping: TableMapping
    values: Values
    currency: str
    nobody: frozenset[str]
    is_number: Callable[[Column], bool]
    equal: Counter[str] = dataclass_field(default_factory=Counter)
    """Number of occurrences of each content without an id, used if equal rows are distinct."""

    def of(
        self, rows: Sequence[Numbered], events: Sequence[EventMapping]
    ) -> Iterator[tuple[EventMapping, dict[str, Any]]]:
        """Yield the events of one unit's rows. Raises Refused."""
        for unit in self._by_customer(rows, events[0]):
            shared = shared_by([cells for _, cells in unit])
            for event in events:
                if event.conditions.hold(shared, self.values.sign):
                    for cells, own in _entries(event, shared, unit):
                        body = self._body(event, cells, own)
                        if event.type != "profile.updated" or body.get("traits"):
                            yield event, body

    def _by_customer(self, rows: Sequence[Numbered], event: EventMapping) -> Iterator[Sequence[Numbered]]:
        """Split the rows of an order id by customer, because one file may hold two shops that both count from one."""
        column = event.fields.get("customer_id")
        if len(rows) == 1 or column is None:
            yield rows
            return
        parts: dict[str, list[Numbered]] = {}
        last = ""
        for line, cells in rows:
            # A row without a customer belongs to the customer of the row before it.
            last = column.of(cells, self.nobody) or last
            parts.setdefault(last, []).append((line, cells))
        first = parts.pop("", [])
        if first and parts:
            name = next(iter(parts))
            parts[name] = [*first, *parts[name]]
        elif first:
            parts[""] = first
        yield from parts.values()

    def of_guests(self, rows: Sequence[Numbered], events: Sequence[EventMapping]) -> Iterator[dict[str, Any]]:
        """Yield the orders and refunds without a customer; nothing if they cannot be read."""
        for unit in self._by_customer(rows, events[0]):
            shared = shared_by([cells for _, cells in unit])
            for event in events:
                if not event.conditions.hold(shared, self.values.sign):
                    continue
                try:
                    bodies = [self._body_of(event, cells, own) for cells, own in _entries(event, shared, unit)]
                except Refused:
                    return
                yield from filter(self._is_of_guest, bodies)

    def _is_of_guest(self, body: Mapping[str, Any]) -> bool:
        id = str(body.get("customer_id", "")).casefold()
        named = bool(id) and id not in self.nobody
        return "total" in body and "occurred_at" in body and not named and not _is_sum(body.get("order_id"))

    def _body(self, event: EventMapping, shared: Cells, rows: Sequence[Numbered]) -> dict[str, Any]:
        body = self._body_of(event, shared, rows)
        if not body.get("customer_id"):
            raise Refused("no_customer", translatable("file nothing under", names=event.fields["customer_id"].names))
        if str(body["customer_id"]).casefold() in self.nobody:
            raise Refused("nobody", translatable("file nobody", names=event.fields["customer_id"].names))
        if _is_sum(body["customer_id"]):
            raise Refused("sum_line", translatable("file sums", names=event.fields["customer_id"].names))
        if event.type == "order.completed" and "order_id" not in body:
            body["order_id"] = self._id_of_content(body)
        if "event_id" not in body:
            body["event_id"] = _digest(body)[:32]
        return body

    def _body_of(self, event: EventMapping, shared: Cells, rows: Sequence[Numbered]) -> dict[str, Any]:
        """Return the body of an event, even if it names no customer. Raises Refused."""
        body: dict[str, Any] = {"type": event.type, **event.constants}
        named: Meanings = frozenset()
        for field, column in event.fields.items():
            if column.sum:
                total, currencies = self._sum(column, field, rows, reversal=event.type in _REVERSALS)
                value: Any = float(total)
            else:
                value, currencies = self._field(field, column, shared, rows)
            named = named or currencies
            if value is not None:
                _put(body, field, self._amount(event, field, value))
        if event.lines:
            body["products"] = self._lines(event, shared, rows)
        if event.type.startswith("order."):
            self._order(event, body, named)
        if event.minor_units:
            _to_major(body, self.currency)
        return body

    def _order(self, event: EventMapping, body: dict[str, Any], named: Meanings) -> None:
        if "total" in body:
            only = next(iter(named)) if len(named) == 1 else None
            own = body.setdefault("currency", only or self.mapping.currency or self.currency)
            if only is not None and own != only:
                raise Refused("bad_value", translatable("file other currency", named=only, own=own))
            if named and own not in named:
                # Several currencies share this sign: count the amount in the shop's currency, and report it.
                self.values.other_signs[own] += 1
            if event.type == "order.completed" and body["total"] < 0:
                raise Refused("bad_value", translatable("file below zero"))
        if event.type in _REVERSALS and "refund_id" not in body:
            body["refund_id"] = self._id_of_content(body)

    def _id_of_content(self, body: dict[str, Any]) -> str:
        """Return an id for rows without one. Equal rows get equal ids unless the mapping declares them distinct."""
        id = FROM_CONTENT + _digest(body)[:20]
        if self.mapping.equal_rows == "distinct":
            self.equal[id] += 1
            # The first occurrence keeps the plain id, so that a file with only one occurrence yields the same order.
            return id if self.equal[id] == 1 else f"{id}-{self.equal[id]}"
        return id

    def name_of_guest(self, body: dict[str, Any]) -> str:
        """Return a name that distinguishes an order or refund without a customer from others."""
        named = body if "order_id" in body or "refund_id" in body else {**body, "id": self._id_of_content(body)}
        return json.dumps(named, sort_keys=True)

    def _amount(self, event: EventMapping, field: str, value: Any) -> Any:
        """Normalise the sign, because exports write refunded amounts as positive or negative."""
        return abs(value) if event.type in _REVERSALS and field in MONEY and isinstance(value, int | float) else value

    def _field(self, field: str, column: Column, shared: Cells, rows: Sequence[Numbered]) -> tuple[Any, Meanings]:
        """Return a field's value (None if empty) and the currencies that its text may mean."""
        text = column.of(shared, self.nobody if field == "customer_id" else frozenset())
        if not text or (field not in ("customer_id", "traits.name") and self._is_absent(text)):
            return None, frozenset()
        kind = column.kind
        if field.startswith("traits.custom.") and kind is None and self.is_number(column):
            kind = "number"
        currencies: Meanings = frozenset()
        if field == "total":
            self._agree(field, column, rows)
            currencies = self._number(field, column, text).meanings
        zone = shared.get(column.zone, "") if column.zone else None
        value = self._value(field, column, text, kind=kind, zone=zone)
        return value, currencies

    def _agree(self, field: str, column: Column, rows: Sequence[Numbered]) -> None:
        """Raise Refused if the rows of one order have different totals.

        Such totals belong to lines, and only the first would count.
        """
        different = {text for _, cells in rows if (text := column.of(cells)) and not self._is_absent(text)}
        if len(different) > 1 and len({self._number(field, column, text).text for text in different}) > 1:
            raise Refused("bad_value", translatable("file amounts differ", field=field, names=column.names))

    def _sum(self, column: Column, field: str, rows: Sequence[Numbered], *, reversal: bool) -> tuple[Decimal, Meanings]:
        """Return the sum over an order's rows and the currencies that its amounts may mean."""
        total, found, below = Decimal(0), False, False
        named: Meanings = frozenset()
        for line, cells in rows:
            for name in column.sum:
                text = cells.get(name, "")
                if not text or self._is_absent(text):
                    continue
                found = True
                read = self._number(field, column, text, line)
                named = _both(named, read.meanings, line)
                amount = Decimal(read.text)
                if column.times and (factor := cells.get(column.times, "")):
                    amount *= Decimal(self._number(field, column, factor, line).text)
                total += amount
                below = below or amount < 0
        if not found:
            raise Refused("bad_value", translatable("file no amount", field=field, names=column.names))
        if reversal and below and total > 0:
            raise Refused("bad_value", translatable("file refund above zero"))
        return total, named

    def _lines(self, event: EventMapping, shared: Cells, rows: Sequence[Numbered]) -> list[dict[str, Any]]:
        if event.lines_from:
            paths = list(dict.fromkeys(name for one in event.lines.values() for name in one.named()))
            rows = [(rows[0][0], cells) for cells in line_cells(shared.get(event.lines_from, "[]"), paths)]
        product = event.lines["product_id"]
        lines = [self._line(event, line, cells) for line, cells in rows if product.of(cells)]
        # A discount changes the total but is not a product of the order.
        return [one for one in lines if one.get("price", 0) >= 0]

    def _line(self, event: EventMapping, line: int, cells: Cells) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, column in event.lines.items():
            text = column.of(cells)
            if text and not (field != "product_id" and self._is_absent(text)):
                value = self._value(field, column, text, line)
                found[field] = self._amount(event, field, value)
        total = found.pop("line_total", None)
        if total is not None and "price" not in found:
            found["price"] = round(total / (found.get("quantity") or 1), 6)
        return found

    def _is_absent(self, text: str) -> bool:
        return (len(text) < 12 and text.casefold() in ABSENT) or text in self.mapping.nothing

    def _value(
        self,
        field: str,
        column: Column,
        text: str,
        line: int | None = None,
        *,
        kind: str | None = None,
        zone: str | None = None,
    ) -> Any:
        with _refusing(field, column, line):
            return self.values.read(field, text, kind, zone)

    def _number(self, field: str, column: Column, text: str, line: int | None = None) -> Amount:
        with _refusing(field, column, line):
            return self.values.amount(text)


@contextmanager
def _refusing(field: str, column: Column, line: int | None) -> Iterator[None]:
    try:
        yield
    except BadDate as error:
        raise Refused(
            "bad_date", translatable("file in column", field=field, names=column.names, fault=text_of(error)), line
        ) from None
    except ValueError as error:
        raise Refused(
            "bad_value", translatable("file in column", field=field, names=column.names, fault=text_of(error)), line
        ) from None


def _entries(
    event: EventMapping, shared: Cells, rows: Sequence[Numbered]
) -> Iterator[tuple[Cells, Sequence[Numbered]]]:
    """Yield the rows each event is read from: all of them, or one entry at a time of a list in their record."""
    if event.each is None:
        yield shared, rows
        return
    front = f"{event.each}[]."
    paths = {name: name.removeprefix(front) for name in event.columns() if name.startswith(front)}
    for entry in line_cells(shared.get(event.each, "[]"), list(paths.values())):
        cells = {**shared, **{name: entry[path] for name, path in paths.items()}}
        yield cells, [(rows[0][0], cells)]


def _both(one: Meanings, other: Meanings, line: int) -> Meanings:
    """Return the currencies that both amounts of an order can mean. Raises Refused if they share none."""
    if one and other and one.isdisjoint(other):
        raise Refused("bad_value", translatable("file two currencies"), line)
    return (one & other) or one or other


def _is_sum(id: object) -> bool:
    return isinstance(id, str) and id.rstrip(" :：").casefold() in _SUMS


def shared_by(rows: Sequence[Cells]) -> Cells:
    """Return the values that an order's rows share. Exports write them in the first row only, or in every row."""
    if len(rows) == 1:
        return rows[0]
    found: dict[str, str] = {}
    for cells in rows:
        for name, text in cells.items():
            if text:
                found.setdefault(name, text)
    return found


def _put(body: dict[str, Any], field: str, value: Any) -> None:
    """Set a field of the body; a dotted name sets it in a nested object."""
    *path, name = field.split(".")
    for part in path:
        inner = body.get(part)
        # Copy: constants belong to the mapping and must not change.
        body[part] = dict(inner) if isinstance(inner, dict) else {}
        body = body[part]
    body[name] = value


def _to_major(body: dict[str, Any], currency: str) -> None:
    """Convert amounts from minor units such as cents to the major units used in events."""
    size = 10 ** exponent(body.get("currency", currency))
    for part in (body, *body.get("products", ())):
        for name in MONEY & part.keys():
            part[name] = part[name] / size


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
