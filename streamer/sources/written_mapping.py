"""A mapping as TOML, written from the columns of a table and what stands in its first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from streamer.sources.column_names import EVENT, LINES
from streamer.sources.numbers import amount


def written(found: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str:
    """A mapping as TOML.

    Parameters
    ----------
    found
        The column of each field (`column_names.columns_of`): ``customer_id``, ``occurred_at`` and an amount are there.
    rows
        The first rows, as cells by column.
    """
    order = found.get("order_id")
    several = order is not None and len({row.get(order) for row in rows}) < len(rows)
    money = _money(found, rows if several else (), order)
    fields = _event_fields(found, rows, money)
    refunds = _refund_column(found, () if several else rows)
    return "\n".join(
        [
            "# Proposed from the names of the columns. Compare the totals with what your shop says before you import.",
            *_heading(found, rows, order if several else None),
            *("", "[[event]]"),
            *([f'unless = {{ {_quoted(refunds)} = ["<0"] }}'] if refunds == found.get("total") and refunds else []),
            *("", "[event.fields]"),
            *(f"{field} = {text}" for field, text in fields.items()),
            *_lines(found),
            *([] if refunds is None else _refund(refunds, fields, own=refunds == found.get("refunded"))),
            "",
        ]
    )


def _heading(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], group: str | None) -> list[str]:
    form = _numbered([row.get(found["occurred_at"], "").strip() for row in rows])
    dates = [] if form is None else [f'dates = ["{form}"]']
    return dates if group is None else [*dates, f"group = {_quoted(group)}"]


def _event_fields(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], money: str) -> dict[str, str]:
    fields = {field: _quoted(found[field]) for field in EVENT if field in found}
    if "@" in "".join(row.get(found["customer_id"], "") for row in rows[:50]):
        fields["customer_id"] = f"{{ column = {fields['customer_id']}, lower = true }}"
    return {**fields, "total": money}


def _lines(found: Mapping[str, str]) -> list[str]:
    if "product_id" not in found:
        return []
    return ["", "[event.lines]", *(f"{field} = {_quoted(found[field])}" for field in LINES if field in found)]


def _refund_column(found: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """The column that says what was given back: one of its own, or the total, where it lies below zero in some rows."""
    if "refunded" in found and "order_id" in found:
        return found["refunded"]
    total = found.get("total")
    return total if total is not None and any(_is_negative(row.get(total, "")) for row in rows) else None


def _numbered(times: Sequence[str]) -> str | None:
    """The form of times that are numbers; None for others."""
    there = [text for text in times if text]
    if there and all(re.fullmatch(r"\d{9,17}(\.\d+)?", text) for text in there):
        return "unix"
    return "excel" if there and all(re.fullmatch(r"[2-5]\d{4}(\.\d+)?", text) for text in there) else None


def _money(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], order: str | None) -> str:
    """The total of an order: a column, where all rows of an order say the same, else the sum over its rows."""
    total = found.get("total")
    if total is None:
        if "line_total" in found:
            return f"{{ sum = {_quoted(found['line_total'])} }}"
        times = f", times = {_quoted(found['quantity'])}" if "quantity" in found else ""
        return f"{{ sum = {_quoted(found['price'])}{times} }}"
    said: dict[str, set[str]] = {}
    for row in rows:
        if row.get(total, "").strip():
            said.setdefault(row.get(order or "", ""), set()).add(row[total].strip())
    return f"{{ sum = {_quoted(total)} }}" if any(len(texts) > 1 for texts in said.values()) else _quoted(total)


def _is_negative(text: str) -> bool:
    """Whether an amount is below zero, whichever its decimal sign is."""
    with suppress(ValueError):
        return any(float(amount(text, decimal).text) < 0 for decimal in (None, ".", ","))
    return False


def _refund(total: str, fields: Mapping[str, str], *, own: bool) -> list[str]:
    """A second event of the same rows, for what was given back: in a column of its own, or below zero in the total."""
    column = _quoted(total)
    if own:
        why = "What was given back so far, at the time of the order."
        rows = f'unless = {{ {column} = ["", "=0"] }}'
    else:
        why, rows = "Rows below zero give money back.", f'where = {{ {column} = ["<0"] }}'
    refund_id = [f"refund_id = {fields['order_id']}"] if "order_id" in fields else []
    same = [name for name in ("order_id", "customer_id", "occurred_at") if name in fields]
    return [
        *("", f"# {why}", "[[event]]", 'type = "order.refunded"', rows, "", "[event.fields]"),
        *refund_id,
        *(f"{field} = {fields[field]}" for field in same),
        f"total = {column}",
    ]


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda one: f"\\u{ord(one[0]):04x}", escaped) + '"'
