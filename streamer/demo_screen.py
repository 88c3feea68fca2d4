"""The demo as it is seen: a screen on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streamer.demo import HISTORY_DAYS, Show

_BAR_WIDTH = 18
_SHOWN_REASONS = 2


def screen(show: Show) -> RenderableType:
    """The whole screen."""
    return Group(headline(show), Text(), _segments(show), Text(), _latest(show))


def headline(show: Show) -> Text:
    """One line: where it is, how fast, how many changes, how late."""
    where = f"history, day {min(show.day, HISTORY_DAYS)} of {HISTORY_DAYS}" if show.phase == "history" else show.phase
    text = Text.assemble(
        (f"{where}: ", "bold"),
        f"{show.speed:,.0f} records/s, {show.now.consumed:,} in all, {show.now.customers:,} customers, "
        f"{show.changes:,} changes",
    )
    latency = show.latency.quantiles(last=500)
    if latency["p50"] is not None and latency["p99"] is not None:
        text.append(f", readable {latency['p50'] * 1000:,.0f} ms after the event (p99 {latency['p99'] * 1000:,.0f} ms)")
    return text


def _segments(show: Show) -> RenderableType:
    columns = Table.grid(padding=(0, 4))
    tables = [_sizes(name, sizes) for name, sizes in show.now.segments.items()]
    for _ in tables:
        columns.add_column(vertical="top")
    columns.add_row(*tables)
    return columns


def _sizes(name: str, sizes: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, title=name, title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="cyan", width=_BAR_WIDTH)
    largest = max(sizes.values(), default=1)
    for segment, count in sorted(sizes.items(), key=lambda item: -item[1]):
        table.add_row(segment, f"{count:,}", "█" * round(_BAR_WIDTH * count / largest))
    return table


def _latest(show: Show) -> Table:
    table = Table(box=None, pad_edge=False, title="latest changes", title_justify="left", title_style="bold")
    for column in ("when", "customer", "segmentation", "from", "to", "cause"):
        table.add_column(column, no_wrap=True)
    table.add_column("because", no_wrap=True, overflow="ellipsis")
    for change in reversed(list(show.latest)):
        table.add_row(*cells(change))
    return table


def cells(change: Mapping[str, Any]) -> tuple[str, ...]:
    """A change in columns, its reasons last."""
    return (
        str(change["changed_at"])[:19].replace("T", " "),
        str(change["customer_id"]),
        str(change["segmentation"]),
        _name(change["from"]),
        _name(change["to"]),
        str(change["cause"]),
        because(change["reasons"]),
    )


def because(reasons: list[dict[str, Any]]) -> str:
    """The first reasons in a few words.

    >>> because([{"feature": "orders", "before": 3.0, "after": 4.0, "border": 4.0, "share": None}])
    'orders 3 -> 4 (border 4)'
    """
    told = []
    for reason in reasons[:_SHOWN_REASONS]:
        before, after, border = (_value(reason[name]) for name in ("before", "after", "border"))
        moved = after if before in ("", after) else f"{before} -> {after}"
        told.append(f"{reason['feature']} {moved}" + (f" (border {border})" if border else ""))
    return ", ".join(told)


def _value(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def _name(segment: Mapping[str, Any] | None) -> str:
    return "-" if segment is None else str(segment["name"])
