"""The demo as it is seen: a screen on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.messages import Messages, messages
from schemas.screen_text import line
from streamer.demo.demo import HISTORY_DAYS, Show

_BAR_WIDTH = 18
_SHOWN_REASONS = 2


def screen(show: Show, texts: Messages | None = None) -> RenderableType:
    """The whole screen."""
    texts = texts or messages()
    return Group(headline(show, texts), Text(), _segments(show, texts), Text(), _latest(show, texts))


def headline(show: Show, texts: Messages | None = None) -> Text:
    """One line: where it is, how fast, how many changes, how late."""
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


def _latest(show: Show, texts: Messages) -> Table:
    table = Table(box=None, pad_edge=False, title=texts("latest changes"), title_justify="left", title_style="bold")
    for column in ("when", "customer", "segmentation", "from", "to", "cause"):
        table.add_column(texts(f"column {column}"), no_wrap=True)
    table.add_column(texts("column because"), no_wrap=True, overflow="ellipsis")
    for change in reversed(list(show.latest)):
        table.add_row(*map(line, cells(change, texts)))
    return table


def cells(change: Mapping[str, Any], texts: Messages | None = None) -> tuple[str, ...]:
    """A change in columns, its reasons last."""
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
    """The first reasons in a few words.

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
