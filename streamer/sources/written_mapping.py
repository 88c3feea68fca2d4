"""Writes a mapping as TOML from the columns of a table and its first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from schemas.ids import is_nobody
from streamer.sources.column_names import EVENT, LINES
from streamer.sources.contact_columns import Contact
from streamer.sources.dialect import folded
from streamer.sources.numbers import amount

_STATES: Final = frozenset(
    re.split(
        "; ",
        "status; order status; payment status; financial status; state; bestellstatus; zahlungsstatus; statut; estado; stato; "
        "订单状态; 交易状态; 支付状态; 状态; 注文状況; ステータス; 주문상태",
    )
)
_VOID: Final = frozenset(
    re.split(
        "; ",
        "canceled; cancelled; failed; void; voided; declined; rejected; expired; unpaid; draft; checkout-draft; trash; "
        "abandoned; pending; pending payment; awaiting payment; on hold; on-hold; wc-cancelled; wc-failed; wc-pending; "
        "wc-on-hold; storniert; abgebrochen; fehlgeschlagen; offen; unbezahlt; annulé; annulée; annule; échoué; cancelado; "
        "cancelada; anulado; pendiente; annullato; annullata; in attesa; 已取消; 取消; 交易关闭; 已关闭; 待付款; "
        "等待买家付款; 未付款; 未支付; 支付失败; キャンセル; 未払い; 취소; 결제대기",
    )
)
"""Order states, in lower case, in which nothing was paid (yet)."""

_SHORT: Final = re.compile(
    r"(?P<one>\d{1,2})(?P<sep>[/.-])(?P<two>\d{1,2})(?P=sep)\d{2}(?: (?P<clock>\d{1,2}:\d{2}(?::\d{2})?(?: [AaPp][Mm])?))?"
)
_YEAR_SO_FAR: Final = 29


def written(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], contacts: Sequence[Contact] = ()) -> str:
    """Write a mapping as TOML.

    Parameters
    ----------
    found
        The column of each field (`column_names.columns_of`); must contain ``customer_id``, ``occurred_at`` and an
        amount.
    rows
        The first rows, as cells by column.
    contacts
        Columns with contact details of the customer; they become traits.
    """
    order = found.get("order_id")
    several = order is not None and len({row.get(order) for row in rows}) < len(rows)
    money = _money(found, rows if several else (), order)
    fields = {**_event_fields(found), "customer_id": _customer(found["customer_id"], rows, contacts), "total": money}
    refunds = _refund_column(found, () if several else rows)
    return "\n".join(
        [
            "# Proposed from the names of the columns. Compare the totals with what your shop says before you import.",
            *_heading(found, rows, order if several else None),
            *("", "[[event]]"),
            *_unless(found, rows, refunds),
            *("", "[event.fields]"),
            *(f"{field} = {text}" for field, text in fields.items()),
            *_lines(found),
            *([] if refunds is None else _refund(refunds, fields, own=refunds == found.get("refunded"))),
            *(_profile(contacts, fields, _unless(found, rows, None)) if contacts else []),
            "",
        ]
    )


def _heading(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], group: str | None) -> list[str]:
    form = _form_of([row.get(found["occurred_at"], "").strip() for row in rows])
    dates = [] if form is None else [f'dates = ["{form}"]']
    return dates if group is None else [*dates, f"group = {_quoted(group)}"]


def _event_fields(found: Mapping[str, str]) -> dict[str, str]:
    return {field: _quoted(found[field]) for field in EVENT if field in found}


def _customer(column: str, rows: Sequence[Mapping[str, str]], contacts: Sequence[Contact]) -> str:
    """The customer of a row: an id, or the e-mail address beside it if the id is empty."""
    if "@" in "".join(row.get(column, "") for row in rows[:50]):
        return f"{{ column = {_quoted(column)}, lower = true }}"
    for one in contacts:
        if one.trait == "email" and any(
            is_nobody(row.get(column, "").strip()) and "@" in row.get(one.columns[0], "") for row in rows
        ):
            return f"[{_quoted(column)}, {_quoted(one.columns[0])}]"
    return _quoted(column)


def _lines(found: Mapping[str, str]) -> list[str]:
    if "product_id" not in found:
        return []
    return ["", "[event.lines]", *(f"{field} = {_quoted(found[field])}" for field in LINES if field in found)]


def _refund_column(found: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """The column of refunded amounts: a separate one, or the total if it is negative in some rows."""
    if "refunded" in found and "order_id" in found:
        return found["refunded"]
    total = found.get("total")
    return total if total is not None and any(_is_negative(row.get(total, "")) for row in rows) else None


def _unless(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], refunds: str | None) -> list[str]:
    """Rows that are not orders: a negative total, or a state without payment."""
    left = {_quoted(refunds): ["<0"]} if refunds is not None and refunds == found.get("total") else {}
    for column in dict.fromkeys(name for row in rows[:1] for name in row):
        if folded(column) in _STATES:
            seen = dict.fromkeys(row.get(column, "").strip() for row in rows)
            if void := [state for state in seen if folded(state) in _VOID]:
                left[_quoted(column)] = void
    inside = ", ".join(f"{column} = [{', '.join(map(_quoted, states))}]" for column, states in left.items())
    return [f"unless = {{ {inside} }}"] if inside else []


def _form_of(times: Sequence[str]) -> str | None:
    """The format of times that are numbers, or have two-digit years; None for others."""
    there = [text for text in times if text]
    return _two_digits(there) or _numbered(there)


def _two_digits(there: Sequence[str]) -> str | None:
    """The format of dates that end with a two-digit year, if at least one is unambiguous."""
    found = [_SHORT.fullmatch(text) for text in there]
    dates = [match for match in found if match is not None]
    if not dates or len(dates) < len(found) or len({(one["sep"], one["clock"] is None) for one in dates}) > 1:
        return None
    first, second = (max(int(one[part]) for one in dates) for part in ("one", "two"))
    # A first part beyond the current year of the century is a day; a second part beyond twelve is a day.
    if second > 12 >= first:
        order = "%m{0}%d{0}%y"
    elif first > _YEAR_SO_FAR and second <= 12:
        order = "%d{0}%m{0}%y"
    else:
        return None
    return order.format(dates[0]["sep"]) + _clock_form(dates[0]["clock"])


def _clock_form(clock: str | None) -> str:
    if clock is None:
        return ""
    half = clock[-1] in "Mm"
    return f" {'%I' if half else '%H'}:%M{':%S' if clock.count(':') == 2 else ''}{' %p' if half else ''}"


def _numbered(there: Sequence[str]) -> str | None:
    """The format of times that are numbers; None for others."""
    if there and all(re.fullmatch(r"\d{9,17}(\.\d+)?", text) for text in there):
        return "unix"
    return "excel" if there and all(re.fullmatch(r"[2-5]\d{4}(\.\d+)?", text) for text in there) else None


def _money(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], order: str | None) -> str:
    """The total of an order: a column, if all rows of an order agree, otherwise the sum over its rows."""
    total = found.get("total")
    if total is None:
        if "line_total" in found:
            return f"{{ sum = {_quoted(found['line_total'])} }}"
        times = f", times = {_quoted(found['quantity'])}" if "quantity" in found else ""
        return f"{{ sum = {_quoted(found['price'])}{times} }}"
    totals: dict[str, set[str]] = {}
    for row in rows:
        if row.get(total, "").strip():
            totals.setdefault(row.get(order or "", ""), set()).add(row[total].strip())
    return f"{{ sum = {_quoted(total)} }}" if any(len(texts) > 1 for texts in totals.values()) else _quoted(total)


def _is_negative(text: str) -> bool:
    """Whether an amount is negative, with either decimal sign."""
    with suppress(ValueError):
        return any(float(amount(text, decimal).text) < 0 for decimal in (None, ".", ","))
    return False


def _refund(total: str, fields: Mapping[str, str], *, own: bool) -> list[str]:
    """A second event of the same rows, for refunds: from a separate column, or from negative totals."""
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


def _profile(contacts: Sequence[Contact], fields: Mapping[str, str], unless: Sequence[str]) -> list[str]:
    """An event of the same rows with the buyer's contact details."""
    return [
        *("", "# The same rows say how to reach who bought.", "[[event]]", 'type = "profile.updated"', *unless),
        *("", "[event.fields]"),
        *(f"{field} = {fields[field]}" for field in ("customer_id", "occurred_at")),
        *(f'"traits.{one.trait}" = {_trait(one)}' for one in contacts),
    ]


def _trait(contact: Contact) -> str:
    names = [_quoted(name) for name in contact.columns]
    parts = [f"column = {names[0]}" if len(names) == 1 else f"columns = [{', '.join(names)}]"]
    if contact.strip:
        parts.append(f"strip = [{', '.join(map(_quoted, contact.strip))}]")
    if contact.words:
        parts.append(
            f"map = {{ {', '.join(f'{_quoted(text)} = {_quoted(tag)}' for text, tag in contact.words.items())} }}"
        )
    return names[0] if parts == [f"column = {names[0]}"] else f"{{ {', '.join(parts)} }}"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda one: f"\\u{ord(one[0]):04x}", escaped) + '"'
