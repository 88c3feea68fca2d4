"""Find the refund rows of a table, for a proposed mapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from streamer.sources.numbers import amount
from streamer.sources.order_states import States, is_of_orders

Texts = Mapping[str, Sequence[str]]
Cells = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Refund:
    """A second event from the same rows.

    Attributes
    ----------
    why
        Comment to write in the mapping.
    total
        Column of the amount; None for the order's own total.
    where, unless
        Conditions of the event.
    left_out
        Rows that are not orders because of this event.
    apart
        Column that separates refunds from the order with the same id.
    """

    why: str
    total: str | None = None
    where: Texts = field(default_factory=dict)
    unless: Texts = field(default_factory=dict)
    left_out: Texts = field(default_factory=dict)
    apart: str | None = None


def refund_of(found: Mapping[str, str], rows: Cells, states: States, *, several: bool) -> Refund | None:
    """Return how a table records refunds: in a column, as a type of row, as negative amounts, or as an order state.

    Parameters
    ----------
    found
        The column of each field.
    several
        Whether several rows share an order id.
    """
    if "refunded" in found:
        column = found["refunded"]
        return Refund(
            "What was given back so far, at the time of the order.", total=column, unless={column: ("", "=0")}
        )
    if states.refunds:
        column, texts = next(iter(states.refunds.items()))
        if not several and is_of_orders(column) and not _are_below_zero(found, rows, column, texts):
            return _returned({column: (*states.returned.get(column, ()), *texts)})
        return Refund("Rows of this kind give money back.", where=states.refunds, left_out=states.refunds, apart=column)
    if (below := _below_zero(found, rows, several=several)) is not None:
        column, apart = below
        signs = {column: ("<0",)}
        return Refund("Rows below zero give money back.", where=signs, left_out=signs, apart=apart)
    if states.returned:
        return _returned(states.returned)
    return None


def _returned(where: Texts) -> Refund:
    return Refund("The whole money of these orders was given back.", where=where)


def _are_below_zero(found: Mapping[str, str], rows: Cells, column: str, texts: Sequence[str]) -> bool:
    """Return whether a row with one of these texts has a negative amount."""
    return _negative_column(found, [row for row in rows if row.get(column, "").strip() in texts]) is not None


def gives_back(found: Mapping[str, str], rows: Cells, states: States) -> bool:
    """Return whether refunds are recorded in a column or in separate rows; assumes that several rows share an order id."""
    gone = [*states.void.items(), *states.returned.items()]
    return (
        "refunded" in found
        or bool(states.refunds)
        or _below_zero(found, rows, several=True) is not None
        or any(_are_below_zero(found, rows, column, texts) for column, texts in gone)
    )


def _below_zero(found: Mapping[str, str], rows: Cells, *, several: bool) -> tuple[str, str | None] | None:
    """Return the column whose sign shows refunds, and the column that separates them from their orders."""
    column = _negative_column(found, rows)
    if column is None or not several:
        return None if column is None else (column, None)
    orders: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        orders.setdefault(row.get(found["order_id"], ""), []).append(row)
    time = found["occurred_at"]
    is_apart = any(_is_returned_later(order, column, time) for order in orders.values())
    parts = _parts_of(orders.values(), time, is_apart=is_apart)
    refunds = [part for part in parts if all(is_negative(row, column) for row in part)]
    # A condition looks at an order's first row, so a discount line on top would turn the order into a refund.
    if not refunds or any(part not in refunds and is_negative(part[0], column) for part in parts):
        return None
    return column, time if is_apart else None


def _negative_column(found: Mapping[str, str], rows: Cells) -> str | None:
    fields = ("total",) if "total" in found else ("line_total", "quantity", "price")
    columns = [found[name] for name in fields if name in found]
    return next((column for column in columns if any(is_negative(row, column) for row in rows)), None)


def _parts_of(orders: Iterable[Cells], time: str, *, is_apart: bool) -> list[Cells]:
    return [part for order in orders for part in (_by(order, time) if is_apart else [order])]


def _is_returned_later(order: Cells, column: str, time: str) -> bool:
    """Return whether an order's negative rows are all dated differently from its single time of purchase."""
    back = {row.get(time, "") for row in order if is_negative(row, column)}
    bought = {row.get(time, "") for row in order if not is_negative(row, column)}
    return len(bought) == 1 and bool(back) and back.isdisjoint(bought) and "" not in back


def _by(order: Cells, time: str) -> list[list[Mapping[str, str]]]:
    parts: dict[str, list[Mapping[str, str]]] = {}
    for row in order:
        parts.setdefault(row.get(time, ""), []).append(row)
    return list(parts.values())


def is_negative(row: Mapping[str, str], column: str) -> bool:
    """Return whether an amount is negative, with either decimal sign."""
    with suppress(ValueError):
        return any(float(amount(row.get(column, ""), decimal).text) < 0 for decimal in (None, ".", ","))
    return False
