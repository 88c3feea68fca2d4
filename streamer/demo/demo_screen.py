"""Show the demo: a live screen on a terminal, an occasional line elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from models.messages import Messages, messages
from schemas.screen_text import line
from streamer.demo.demo import HISTORY_DAYS, Show

_BAR_WIDTH = 18
_SHOWN_REASONS = 2
_UNBOUNDED = 1_000
_REASONS_WIDTH = 24
"""Minimum width left for reasons to show changes in columns. Reasons may be truncated, nothing else."""


class Screen:
    """The whole screen, laid out for its terminal: tables side by side if they fit, otherwise as rows.

    Names, counts and customers are never truncated: long ones are wrapped, and the oldest changes are left out.
    """

    def __init__(self, show: Show, texts: Messages | None = None) -> None:
        self._show = show
        self._texts = texts or messages()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        show, texts = self._show, self._texts
        segments = _segments(show, texts)
        if _width(segments, console, options) > options.max_width:
            segments = _segment_rows(show, texts)
        top = Group(headline(show, texts), Text(), segments, Text())
        yield top
        left = options.max_width - _width(_latest(show, texts), console, options) - 2
        if left >= _REASONS_WIDTH:
            yield _latest(show, texts, reasons=left)
        else:
            rest = (options.height or console.height) - len(console.render_lines(top, options))
            yield from _latest_rows(show, texts, console, options, rest)


def _width(shown: RenderableType, console: Console, options: ConsoleOptions) -> int:
    """Return the width in columns without wrapping."""
    return console.measure(shown, options=options.update(max_width=_UNBOUNDED)).maximum


def headline(show: Show, texts: Messages | None = None) -> Text:
    """Return progress, speed, number of changes and latency in one line."""
    texts = texts or messages()
    where = texts(f"demo {show.phase}", day=min(show.day, HISTORY_DAYS), days=HISTORY_DAYS)
    text = Text.assemble(
        (f"{where}: ", "bold"),
        texts(
            "demo headline",
            speed=show.speed,
            records=show.now.consumed,
            customers=show.now.customers,
            changes=show.changes,
        ),
    )
    latency = show.latency.quantiles(last=500)
    if latency["p50"] is not None and latency["p99"] is not None:
        text.append(texts("demo latency", p50=latency["p50"] * 1000, p99=latency["p99"] * 1000))
    return text


def _segments(show: Show, texts: Messages) -> RenderableType:
    columns = Table.grid(padding=(0, 4))
    tables = [_sizes(name, sizes, texts) for name, sizes in show.now.segments.items()]
    for _ in tables:
        columns.add_column(vertical="top")
    columns.add_row(*tables)
    return columns


def _sizes(name: str, sizes: Mapping[str, int], texts: Messages) -> Table:
    title = texts.segmentation(name)
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="cyan", width=_BAR_WIDTH)
    largest = max(sizes.values(), default=1)
    for segment, count in sorted(sizes.items(), key=lambda item: -item[1]):
        table.add_row(texts.of_id(name, segment), f"{count:,}", "█" * round(_BAR_WIDTH * count / largest))
    return table


def _segment_rows(show: Show, texts: Messages) -> Table:
    """Return a table of sizes as text: a row per segmentation, largest segment first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, sizes in show.now.segments.items():
        ordered = sorted(sizes.items(), key=lambda item: -item[1])
        # Keep a name and its count on one line.
        parts = (f"{texts.of_id(name, segment)}\u00a0{count:,}".replace(" ", "\u00a0") for segment, count in ordered)
        table.add_row(texts.segmentation(name), ", ".join(parts))
    return table


def _latest_rows(
    show: Show, texts: Messages, console: Console, options: ConsoleOptions, lines: int
) -> Iterator[RenderableType]:
    """Yield the latest changes (time, customer, from, to, cause) in a line or two each, as many as fit into ``lines``."""
    yield Text(texts("latest changes"), style="bold")
    # The last line is for the cursor.
    left = lines - 2
    for change in reversed(list(show.latest)):
        when, customer, segmentation, before, after, cause, _ = (line(cell) for cell in cells(change, texts))
        row = Text.assemble(
            when[11:], " ", (customer, "cyan"), f" {segmentation}: {before} -> {after} [{cause}]", overflow="fold"
        )
        left -= len(console.render_lines(row, options))
        if left < 0:
            return
        yield row


def _latest(show: Show, texts: Messages, *, reasons: int = 0) -> Table:
    """Return the latest changes in columns, with reasons last if they have a width."""
    table = Table(box=None, pad_edge=False, title=texts("latest changes"), title_justify="left", title_style="bold")
    for column in ("when", "customer", "segmentation", "from", "to", "cause"):
        table.add_column(texts(f"column {column}"), no_wrap=True)
    if reasons:
        table.add_column(texts("column because"), no_wrap=True, overflow="ellipsis", width=reasons)
    for change in reversed(list(show.latest)):
        shown = [line(cell) for cell in cells(change, texts)]
        table.add_row(*(shown if reasons else shown[:-1]))
    return table


def cells(change: Mapping[str, Any], texts: Messages | None = None) -> tuple[str, ...]:
    """Return a change as columns, with its reasons last."""
    texts = texts or messages()

    def name(segment: Mapping[str, Any] | None) -> str:
        return "-" if segment is None else texts.named(change["segmentation"], segment["id"], segment["name"])

    return (
        str(change["changed_at"])[:19].replace("T", " "),
        str(change["customer_id"]),
        texts.segmentation(change["segmentation"]),
        name(change["from"]),
        name(change["to"]),
        texts.cause(change["cause"]),
        because(change["reasons"], texts),
    )


def because(reasons: list[dict[str, Any]], texts: Messages | None = None) -> str:
    """Return the first reasons in a few words.

    >>> because([{"feature": "orders", "before": 3.0, "after": 4.0, "border": 4.0, "share": None}])
    'orders 3 -> 4 (border 4)'
    """
    texts = texts or messages()
    found = []
    for reason in reasons[:_SHOWN_REASONS]:
        feature = reason["feature"]
        before, after, border = (_value(reason[name], feature, texts) for name in ("before", "after", "border"))
        moved = after if before in ("", after) else f"{before} -> {after}"
        found.append(f"{texts.feature(feature)} {moved}" + (texts("border", border=border) if border else ""))
    return texts("between reasons").join(found)


def _value(value: object, feature: str, texts: Messages) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float | int) else texts.member(feature, str(value))
