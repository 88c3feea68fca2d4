"""Present a check for terminals and as JSON, and build the table shared by terminal and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from models.messages import Messages
from models.messages.translatable import in_language
from schemas.money import exponent
from streamer.imports.checked import Checked, Difference, Side
from streamer.imports.suspicious import reason_text

SHOWN = 20
"""Maximum number of differing lines on a terminal."""


def reason_in(reason: str, texts: Messages) -> str:
    """Return a reason in words."""
    return str(in_language(reason_text(reason), texts))


def money(minor: int, currency: str) -> str:
    """Format an amount for display.

    >>> money(-123450, "EUR"), money(1500, "JPY")
    ('-1,234.50', '1,500')
    """
    places = exponent(currency)
    return f"{minor / 10**places:,.{places}f}"


def fates(found: Checked, texts: Messages) -> list[tuple[str, str, int]]:
    """Return rows by outcome as (id, name, count): applied ones first, then by decreasing count."""
    used = found.rows - sum(found.refused.values())
    rest = sorted(found.refused.items(), key=lambda one: (-one[1], one[0]))
    return [("applied", texts("check fate made"), used), *((name, reason_in(name, texts), n) for name, n in rest)]


def statement(found: Checked, currency: str, texts: Messages) -> list[list[str]]:
    """Return the recount, its deductions with reasons, and what would be applied. The first row is the heading."""

    def cells(name: str, side: Side) -> list[str]:
        amounts = (money(side.order_money, currency), f"{side.refunds:,}", money(side.refund_money, currency))
        return [name, f"{side.orders:,}", *amounts, money(side.net, currency)]

    expected = Side(
        found.counted.orders - found.left_out.orders,
        found.counted.order_money - found.left_out.order_money,
        found.counted.refunds - found.left_out.refunds,
        found.counted.refund_money - found.left_out.refund_money,
    )
    head = [
        "",
        texts("check column orders"),
        texts("check column order money"),
        texts("check column refunds"),
        texts("check column refund money"),
        texts("check column net"),
    ]
    return [
        head,
        cells(texts("check row counted"), found.counted),
        *(
            cells(texts("check row left out", reason=reason_in(reason, texts)), side)
            for reason, side in found.reasons.items()
        ),
        cells(texts("check row expected"), expected),
        cells(texts("check row applied"), found.applied),
    ]


def verdict(found: Checked, currency: str, texts: Messages) -> str:
    """Return a sentence on whether the two agree."""
    if found.agrees:
        net = money(found.applied.net, currency)
        return texts("check agrees", net=net, currency=currency, customers=found.customers)
    return texts("check differs", count=found.unexplained)


def kind_in(kind: str, texts: Messages) -> str:
    """Return the kind, an order or a refund, in words."""
    return texts("check kind order") if kind == "order" else texts("check kind refund")


def difference_cells(one: Difference, currency: str, texts: Messages) -> list[str]:
    """Return line, kind, counted, applied and reason as cells."""
    counted = texts("check no amount") if one.counted is None else money(one.counted, currency)
    reason = texts("check no reason") if one.reason is None else reason_in(one.reason, texts)
    return [str(one.line), kind_in(one.kind, texts), counted, money(one.applied, currency), reason]


def report(found: Checked, currency: str, texts: Messages) -> Iterator[str]:
    """Yield the lines of the report for a terminal."""
    between = "；" if texts.language == "zh" else "; "
    named = between.join(f"{name} {number:,}" for _, name, number in fates(found, texts))
    yield texts("check rows", rows=found.rows, fates=named)
    yield ""
    yield from _aligned(statement(found, currency, texts))
    yield ""
    yield verdict(found, currency, texts)
    unexplained = [one for one in found.differences if one.reason is None]
    for one in unexplained[:SHOWN]:
        line, kind, counted, applied, _ = difference_cells(one, currency, texts)
        yield texts("check line", line=line, kind=kind, counted=counted, applied=applied, reason="")
    if found.unexplained > SHOWN:
        yield texts("check more", count=found.unexplained - SHOWN)
    yield texts("check looks") if found.looks else texts("check nothing looks wrong")
    for look in found.looks:
        yield f"  - {look.text(texts)}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    from rich.cells import cell_len

    wide = [max(cell_len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        name = row[0] + " " * (wide[0] - cell_len(row[0]))
        yield "  ".join([name, *(" " * (w - cell_len(c)) + c for c, w in zip(row[1:], wide[1:], strict=True))]).rstrip()


def to_dict(found: Checked) -> dict[str, Any]:
    """Return the check as a JSON value, with money in minor units and reasons by name."""
    sides = {name: asdict(getattr(found, name)) for name in ("counted", "left_out", "applied")}
    return {
        "rows": found.rows,
        "refused": dict(found.refused),
        "events": found.events,
        "fates": dict(found.fates),
        "customers": found.customers,
        **sides,
        "left_out_by_reason": {reason: asdict(side) for reason, side in found.reasons.items()},
        "agrees": found.agrees,
        "unexplained": found.unexplained,
        "differences": [asdict(one) for one in found.differences],
        "months": {month: {"orders": sums[0], "refunds": sums[1]} for month, sums in found.months.items()},
        "notes": [str(note) for note in found.notes],
        "looks": [str(look) for look in found.looks],
    }
