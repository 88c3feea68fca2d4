"""Write a mapping as TOML from a table's columns and first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from schemas.ids import is_nobody
from streamer.sources.clock_columns import Clock
from streamer.sources.column_names import EVENT, LINES
from streamer.sources.contact_columns import Contact
from streamer.sources.line_states import of_lines
from streamer.sources.order_states import States
from streamer.sources.proposed_refunds import Refund, gives_back, refund_of

_SHORT: Final = re.compile(
    r"(?P<one>\d{1,2})(?P<sep>[/.-])(?P<two>\d{1,2})(?P=sep)\d{2}(?: (?P<clock>\d{1,2}:\d{2}(?::\d{2})?(?: [AaPp][Mm])?))?"
)
_YEAR_SO_FAR: Final = 29
_NO_STATES: Final = States()


def written(
    found: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    contacts: Sequence[Contact] = (),
    states: States = _NO_STATES,
    clock: Clock | None = None,
    store: str | None = None,
) -> str:
    """Write a mapping as TOML.

    Parameters
    ----------
    found
        Column of each field (`column_names.columns_of`); must contain ``customer_id``, ``occurred_at`` and an
        amount.
    rows
        The first rows, as cells by column.
    contacts
        Columns with contact details of the customer; they become traits.
    states
        Conditions derived from the cells of state columns.
    clock
        Columns of date and time, if they are separate.
    store
        Column of the store, if two stores use the same order ids.
    """
    order = found.get("order_id")
    rows = _by_store(rows, store, order)
    several = order is not None and len({row.get(order) for row in rows}) < len(rows)
    money = _money(found, rows if several else (), order)
    fields = {**_event_fields(found), "customer_id": _customer(found["customer_id"], rows, contacts), "total": money}
    fields |= _joined(fields, clock, store)
    states, group = _grouped(found, rows, states, money, store) if several else (states, [])
    refund = refund_of(found, rows, states, several=several)
    if group and refund is not None and refund.apart is not None:
        group.append(refund.apart)
    orders = _conditions(states.only, {**states.void, **(refund.left_out if refund is not None else {})})
    return "\n".join(
        [
            "# Proposed from the names of the columns. Compare the totals with what your shop says before you import.",
            *_heading(found, rows, group, clock, store),
            *("", "[[event]]"),
            *orders,
            *("", "[event.fields]"),
            *(f"{field} = {text}" for field, text in fields.items()),
            *_lines(found),
            *([] if refund is None else _refund(refund, fields, states)),
            *(_profile(contacts, fields, _conditions(states.only, states.void)) if contacts else []),
            "",
        ]
    )


def _grouped(
    found: Mapping[str, str], rows: Sequence[Mapping[str, str]], states: States, money: str, store: str | None
) -> tuple[States, list[str]]:
    """Return the states that decide on orders of several rows, and the columns whose values an order's rows share."""
    order = found["order_id"]
    states, lines = _line_states(found, rows, states, order, money)
    return states, [*([] if store is None else [store]), order, *lines]


def _line_states(
    found: Mapping[str, str], rows: Sequence[Mapping[str, str]], states: States, order: str, money: str
) -> tuple[States, list[str]]:
    """Return `of_lines`, leaving the states unchanged for a repeated total or refunds in separate rows."""
    if "sum = " not in money or gives_back(found, rows, states):
        return states, []
    return of_lines(states, rows, order)


def _by_store(rows: Sequence[Mapping[str, str]], store: str | None, order: str | None) -> Sequence[Mapping[str, str]]:
    """Return the rows with each order id prefixed by its store, as the mapping does."""
    if store is None or order is None:
        return rows
    return [{**row, order: f"{row.get(store, '')}\x1f{row.get(order, '')}"} for row in rows]


def _joined(fields: Mapping[str, str], clock: Clock | None, store: str | None) -> dict[str, str]:
    """Return the fields joined from two columns: the time, and a store's order id."""
    joined = {} if clock is None else {"occurred_at": _clock(clock)}
    if store is not None:
        joined["order_id"] = f'{{ columns = [{_quoted(store)}, {fields["order_id"]}], join = "-" }}'
    return joined


def _heading(
    found: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    group: Sequence[str],
    clock: Clock | None,
    store: str | None,
) -> list[str]:
    stores = [] if store is None else [f"# Two stores have orders with the same id: {_quoted(store)} tells them apart."]
    form = None if clock is not None else _form_of([row.get(found["occurred_at"], "").strip() for row in rows])
    dates = [*stores, *([] if form is None else [f'dates = ["{form}"]'])]
    if not group:
        return dates
    names = ", ".join(map(_quoted, group))
    return [*dates, f"group = {names}" if len(group) == 1 else f"group = [{names}]"]


def _clock(clock: Clock) -> str:
    strip = ', strip = ["00:00:00"]' if clock.midnights else ""
    zone = "" if clock.zone is None else f", zone = {_quoted(clock.zone)}"
    return f"{{ columns = [{_quoted(clock.date)}, {_quoted(clock.time)}]{strip}{zone} }}"


def _event_fields(found: Mapping[str, str]) -> dict[str, str]:
    return {field: _quoted(found[field]) for field in EVENT if field in found}


def _customer(column: str, rows: Sequence[Mapping[str, str]], contacts: Sequence[Contact]) -> str:
    """Return a row's customer: an id, or the adjacent e-mail address if the id is empty."""
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


def _conditions(where: Mapping[str, Sequence[str]], unless: Mapping[str, Sequence[str]]) -> list[str]:
    found: list[str] = []
    for name, columns in (("where", where), ("unless", unless)):
        inside = ", ".join(f"{_quoted(one)} = [{', '.join(map(_quoted, texts))}]" for one, texts in columns.items())
        if inside:
            found.append(f"{name} = {{ {inside} }}")
    return found


def _form_of(times: Sequence[str]) -> str | None:
    """Return the format of times that are numbers or have two-digit years; None for others."""
    there = [text for text in times if text]
    return _two_digits(there) or _numbered(there)


def _two_digits(there: Sequence[str]) -> str | None:
    """Return the format of dates that end with a two-digit year, if at least one is unambiguous."""
    found = [_SHORT.fullmatch(text) for text in there]
    dates = [match for match in found if match is not None]
    if not dates or len(dates) < len(found) or len({(one["sep"], one["clock"] is None) for one in dates}) > 1:
        return None
    first, second = (max(int(one[part]) for one in dates) for part in ("one", "two"))
    # A first part beyond the current two-digit year is a day, and so is a second part beyond twelve.
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
    """Return the format of times that are numbers; None for others."""
    if there and all(re.fullmatch(r"\d{9,17}(\.\d+)?", text) for text in there):
        return "unix"
    return "excel" if there and all(re.fullmatch(r"[2-5]\d{4}(\.\d+)?", text) for text in there) else None


def _money(found: Mapping[str, str], rows: Sequence[Mapping[str, str]], order: str | None) -> str:
    """Return an order's total: a column if all rows of an order agree, otherwise the sum over its rows."""
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


def _refund(refund: Refund, fields: Mapping[str, str], states: States) -> list[str]:
    """Return a second event from the same rows, for refunds."""
    total = fields["total"] if refund.total is None else _quoted(refund.total)
    same = [name for name in ("order_id", "customer_id", "occurred_at", "currency") if name in fields]
    return [
        *("", f"# {refund.why}", "[[event]]", 'type = "order.refunded"'),
        *_conditions({**states.only, **refund.where}, {**states.void, **refund.unless}),
        *("", "[event.fields]"),
        *_refund_id(refund, fields),
        *(f"{field} = {fields[field]}" for field in same),
        f"total = {total}",
    ]


def _refund_id(refund: Refund, fields: Mapping[str, str]) -> list[str]:
    if "order_id" not in fields:
        return []
    if refund.apart is None:
        return [f"refund_id = {fields['order_id']}"]
    # The latest amount for an id wins, and an order may be refunded several times.
    return [f"refund_id = {{ columns = [{fields['order_id']}, {_quoted(refund.apart)}] }}"]


def _profile(contacts: Sequence[Contact], fields: Mapping[str, str], conditions: Sequence[str]) -> list[str]:
    """Return an event from the same rows with the buyer's contact details."""
    return [
        *("", "# The same rows say how to reach who bought.", "[[event]]", 'type = "profile.updated"', *conditions),
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
