"""Derive a file's conventions from all its cells: decimal sign, order of day and month, numeric traits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from models.messages.translatable import translatable
from streamer.sources import numbers, times
from streamer.sources.columns import ABSENT, Column
from streamer.sources.mapping import TableMapping
from streamer.sources.month_names import has_short_year
from streamer.sources.values import AMOUNTS, TIMES, WHOLE

_PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?", re.ASCII)


class Habits:
    """Collects conventions row by row and then reports them.

    Parameters
    ----------
    currency
        Currency of amounts for which no sign, column or mapping names one.

    Attributes
    ----------
    decimal
        The decimal sign of the numbers; None if no number shows it, and such as 1,234 may have decimals. If some show
        a point and others a comma, it is the point, and the others are rejected.
    day_first
        Whether ``3/2/2024`` is the third of February; None if the dates do not show it, or show both.
    """

    def __init__(self, mapping: TableMapping, currency: str = "") -> None:
        every = [item for event in mapping.event for item in (*event.fields.items(), *event.lines.items())]
        self._amounts = _columns(every, lambda field, one: _is_number(field, one))
        self._times = _columns(every, lambda field, one: _last(field) in TIMES or one.kind == "time")
        self._traits = {
            name
            for field, one in every
            if field.startswith("traits.custom.") and one.kind is None
            for name in (*one.column, *one.columns)
        }
        self._nothing = ABSENT | {text.casefold() for text in mapping.nothing}
        self._points = mapping.decimal == "."
        self._commas = mapping.decimal == ","
        self._declared = mapping.decimal
        # Decimal signs of amounts such as 1,234 by currency; None where they may have decimals.
        self._whole: set[str | None] = set()
        self._currencies = [event.fields["currency"] for event in mapping.event if "currency" in event.fields]
        named = (event.constants.get("currency") for event in mapping.event)
        self._currency = next((str(one) for one in named if one), mapping.currency or currency)
        self._orders: set[str] = set()
        self._texts: set[str] = set()
        self._short_years = self._long_years = False

    def see(self, cells: Mapping[str, str]) -> None:
        """Add one row."""
        if self._declared is None and not self._points:
            for name in self._amounts:
                self._see_amount(cells.get(name, ""), cells)
        for name in self._times:
            text = cells.get(name, "")
            if text and not self._long_years:
                self._short_years = has_short_year(text)
                self._long_years = not self._short_years
            if text[1:2] in ("/", "-") or text[2:3] in ("/", "-"):
                order = times.day_order(text)
                if order is not None:
                    self._orders.add(order)
        if self._traits:
            self._see_traits(cells)

    def _see_traits(self, cells: Mapping[str, str]) -> None:
        for name in self._traits - self._texts:
            text = cells.get(name, "")
            if text and text.casefold() not in self._nothing and not _PLAIN_NUMBER.fullmatch(text):
                self._texts.add(name)

    def _see_amount(self, text: str, cells: Mapping[str, str]) -> None:
        if "." not in text and "," not in text:
            return
        try:
            shown = numbers.shows(text)
        except ValueError:
            return
        self._points = self._points or shown == "."
        self._commas = self._commas or shown == ","
        if shown is None and len(self._whole) < 2:
            named = next((own for one in self._currencies if (own := one.of(cells))), self._currency)
            self._whole.add(numbers.whole_money(text, [numbers.currency_named(named) or named.upper()]))

    @property
    def decimal(self) -> str | None:
        if self._declared is not None:
            return self._declared
        if not self._points and not self._commas:
            # Yen and won have no decimals: a sign before three digits separates thousands.
            return next(iter(self._whole)) if len(self._whole) == 1 else None
        return "." if self._points else ","

    @property
    def day_first(self) -> bool | None:
        return next(iter(self._orders)) == "day" if len(self._orders) == 1 else None

    @property
    def short_years(self) -> bool:
        """Whether all times have a month name and a two-digit year, such as 05-Jan-24."""
        return self._short_years and not self._long_years

    def is_number(self, column: Column) -> bool:
        """Return whether a custom trait from this column is a number."""
        if column.kind is not None:
            return column.kind == "number"
        return not self._texts.intersection((*column.column, *column.columns))

    def notes(self) -> list[str]:
        """Return the conventions found, in words."""
        found: list[str] = []
        if self._declared is None and self._commas and not self._points:
            found.append(translatable("file note comma"))
        if self.day_first is not None:
            found.append(translatable("file note day") if self.day_first else translatable("file note month"))
        if self.short_years:
            found.append(translatable("file note short years"))
        return found


def _columns(every: list[tuple[str, Column]], wanted: object) -> frozenset[str]:
    assert callable(wanted)
    return frozenset(name for field, one in every if wanted(field, one) for name in one.named())


def _is_number(field: str, column: Column) -> bool:
    return _last(field) in AMOUNTS | WHOLE or column.kind == "number" or bool(column.sum)


def _last(field: str) -> str:
    return field.rpartition(".")[2]
