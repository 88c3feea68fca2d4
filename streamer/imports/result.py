"""Report the result of a replay, an import or a demo, for scripts and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from models.messages import Messages, messages
from schemas.money import exponent
from streamer.adapters.redis_reader import Totals
from streamer.sources.guests import Guests
from streamer.sources.source import Source


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of one run, under their JSON names; ``records`` is the ledger's ``consumed``.

    Attributes
    ----------
    rows, skipped
        Number of lines in the file (None without a file), and lines that produced no event by reason.
    records
        Records of the lane log: ``applied + duplicates + dead_letters + rerouted + control``.
    customers
        Customers seen for the first time.
    revenue_minor
        Orders less reversals, in minor units of the shop's currency.
    guests
        Orders of the file without a customer, not included in the other figures: ``orders``, ``refunds``, and
        ``money`` by currency.
    segments
        Customers by segmentation and segment at the end, including those of earlier runs.
    """

    rows: int | None
    records: int
    applied: int
    duplicates: int
    late: int
    dead_letters: dict[str, int]
    rerouted: int
    control: int
    skipped: dict[str, int]
    customers: int
    orders: int
    reversals: int
    revenue_minor: int
    changes: dict[str, int]
    segments: dict[str, dict[str, int]]
    seconds: float
    records_per_second: float
    guests: dict[str, Any] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Number of records not accounted for; always 0."""
        known = self.applied + self.duplicates + sum(self.dead_letters.values()) + self.rerouted + self.control
        return self.records - known

    def to_dict(self) -> dict[str, Any]:
        """Return the figures under their JSON names."""
        return asdict(self)


def result_of(before: Totals, after: Totals, source: Source | None, seconds: float) -> Result:
    """Return the difference between two readings of the ledgers, between which ``source`` was read."""
    records = after.consumed - before.consumed
    return Result(
        rows=None if source is None else source.rows,
        records=records,
        applied=after.applied - before.applied,
        duplicates=after.duplicates - before.duplicates,
        late=after.late - before.late,
        dead_letters=_less(after.dead_letters, before.dead_letters),
        rerouted=after.rerouted - before.rerouted,
        control=after.control - before.control,
        skipped={} if source is None else dict(sorted(source.skipped.items())),
        customers=after.customers - before.customers,
        orders=after.orders - before.orders,
        reversals=after.reversals - before.reversals,
        revenue_minor=after.revenue_minor - before.revenue_minor,
        changes=_less(after.changes, before.changes),
        segments=after.segments,
        seconds=round(seconds, 3),
        records_per_second=round(records / max(seconds, 1e-9), 1),
        guests=_guests(before, after, source),
    )


def _guests(before: Totals, after: Totals, source: Source | None) -> dict[str, Any]:
    """Return guest orders: from the source if it is a table, which makes no events of them, else as the lanes counted them."""
    of_table = getattr(source, "guests", None)
    if isinstance(of_table, Guests) and (of_table.orders or of_table.refunds):
        return of_table.to_dict()
    orders, refunds = after.guest_orders - before.guest_orders, after.guest_refunds - before.guest_refunds
    if not (orders or refunds):
        return of_table.to_dict() if isinstance(of_table, Guests) else {}
    money = _less(after.guest_money, before.guest_money)
    return {"orders": orders, "refunds": refunds, "money": {code: in_units(sum_, code) for code, sum_ in money.items()}}


def in_units(minor: int, currency: str) -> str:
    """Return an amount as text with every digit.

    >>> in_units(-1050, "EUR"), in_units(12, "JPY")
    ('-10.50', '12')
    """
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


def _less(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


def show(result: Result, currency: str, console: Console, texts: Messages | None = None) -> None:
    """Print the result for people."""
    texts = texts or messages()
    money = result.revenue_minor / 10 ** exponent(currency)
    rows = "" if result.rows is None else texts("result rows", rows=result.rows)
    speed = result.records_per_second
    console.print(texts("result records", rows=rows, records=result.records, seconds=result.seconds, speed=speed))
    console.print(
        texts(
            "result customers",
            customers=result.customers,
            orders=result.orders,
            reversals=result.reversals,
            money=money,
            currency=currency,
        )
    )
    if result.guests.get("orders") or result.guests.get("refunds"):
        sums = ", ".join(f"{Decimal(money):,.2f} {code}" for code, money in result.guests["money"].items())
        console.print(texts("result guests", **{**result.guests, "money": sums}))
    console.print(
        texts(
            "result applied",
            applied=result.applied,
            late=result.late,
            duplicates=result.duplicates,
            dead=sum(result.dead_letters.values()),
            rerouted=result.rerouted,
            control=result.control,
        )
    )
    for key, counts in (("result skipped", result.skipped), ("result dead letters", result.dead_letters)):
        if counts:
            console.print(texts(key, counts=", ".join(f"{count:,} {name}" for name, count in counts.items())))
    if result.segments:
        console.print(segments_table(result.segments, result.changes, texts))


def segments_table(
    segments: Mapping[str, Mapping[str, int]], changes: Mapping[str, int], texts: Messages | None = None
) -> Table:
    """Return a table of customers per segment and changes per segmentation."""
    texts = texts or messages()
    table = Table(box=None, pad_edge=False, show_header=True)
    table.add_column(texts("column segmentation"))
    table.add_column(texts("column changes"), justify="right")
    table.add_column(texts("column customers"))
    for name, sizes in segments.items():
        ordered = sorted(sizes.items(), key=lambda item: -item[1])
        held = ", ".join(f"{texts.of_id(name, segment)} {count:,}" for segment, count in ordered)
        table.add_row(texts.segmentation(name), f"{changes.get(name, 0):,}", held)
    return table
