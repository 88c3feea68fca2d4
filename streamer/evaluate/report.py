"""The results as tables, as JSON, and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from models.messages.count import Count
from streamer.evaluate.retail import Retail
from streamer.evaluate.suite import TUNING_SEEDS, Row

COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("ari", "ARI", "{:.3f}"),
    ("ari_settled", "settled", "{:.3f}"),
    ("coverage", "covered", "{:.1%}"),
    ("spurious", "spurious", "{:.2f}"),
    ("own", "own", "{:.2f}"),
    ("monthly", "per month", "{:.1f}"),
    ("calmer", "vs River", "{:.1f} x"),
    ("away", "away", "{:.2f}"),
    ("toward", "toward", "{:.2f}"),
    ("bounce", "bounce", "{:.1%}"),
    ("detected", "seen 90 d", "{:.2f}"),
    ("delay", "days", "{:.0f}"),
    ("stops_seen", "stops", "{:.2f}"),
    ("batch_ari", "ARI batch", "{:.2f}"),
    ("names", "names", "{:.1%}"),
    ("segments", "k", "{:.0f}"),
)
"""Metric, heading and format of each column."""

_WIDE: Final = 200
LEGEND: Final = (
    "ARI: adjusted Rand index to the truth on the last day; settled: its mean from day 150 on, without customers who "
    "truly changed in the last 90 days; covered: share of customers older than 45 days with the evidence who have a "
    "segment; spurious: moves per 1,000 events though the customer has not changed for 90 days, away from the right "
    "segment, toward it; own: those of them whose cause is no refit; per month: these per 1,000 customer-months; vs "
    "River: how many times as many tuned River KMeans makes of the same customers; bounce: moves undone within 30 days; "
    "seen 90 d: true changes seen within 90 days and held for 8, and the median days until then; stops: of those who "
    "stopped for good, seen within 1.5 usual gaps after an order was due; ARI batch: to batch K-means of the same "
    "features and frame; names: customers given the same name by the two least alike of six independent panels."
)


def seeds_note(seeds: Sequence[int]) -> str:
    """Return a note on the tuning seeds and the seeds shown."""
    tuned = ", ".join(map(str, TUNING_SEEDS))
    shown = ", ".join(map(str, seeds))
    both = sorted(set(seeds) & set(TUNING_SEEDS))
    warning = f" (seeds {', '.join(map(str, both))} were tuned on!)" if both else ""
    return f"Settings were chosen on seeds {tuned}; shown are seeds {shown}{warning}."


def written(row: Row) -> list[str]:
    """Return the cells of a row."""
    values = row.to_dict()
    return [
        "" if isinstance(values[name], float) and isnan(values[name]) else form.format(values[name])
        for name, _, form in COLUMNS
    ]


def show(rows: Sequence[Row], seeds: Sequence[int], console: Console) -> None:
    """Print the table."""
    table = Table(title=None, pad_edge=False)
    for heading in ("shop", "seed", "method", "customers"):
        table.add_column(heading, no_wrap=heading != "method")
    for _, heading, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.scenario, str(row.seed), row.method, f"{row.customers:,}", *written(row))
    _widen(console)
    console.print(table)
    console.print(LEGEND, markup=False)
    console.print(seeds_note(seeds), markup=False)


def show_retail(found: Retail, day: str, console: Console) -> None:
    """Print how well the segments of one day of a file predict the days after it."""
    _widen(console)
    table = Table(
        title=f"Segments as of {day} and the 90 days after, {Count(found.customers):|customer}", pad_edge=False
    )
    for heading in ("division", "eta² of log(1 + spend)", "AUC of buying again", "groups"):
        table.add_column(heading, justify="left" if heading == "division" else "right")
    for name, eta, area, groups in found.rows:
        table.add_row(name, f"{eta:.3f}", f"{area:.3f}", str(groups))
    console.print(table)
    cards = Table(pad_edge=False)
    for heading in ("segment", "customers", "share of the next 90 days' spend", "orders in 36 days", "basket"):
        cards.add_column(heading, justify="left" if heading == "segment" else "right")
    for card in found.cards:
        typical = card["typical"]
        assert isinstance(typical, dict)
        cards.add_row(
            str(card["name"]),
            f"{card['customers']:,}",
            f"{card['next_spend_share']:.0%}",
            f"{typical['orders']:.2f}",
            f"{typical['basket'] / 100:,.0f}",
        )
    console.print(cards)
    console.print(f"frame: {found.frame}; {found.why}", markup=False)
    console.print(
        f"moves undone within 30 days: {found.bounce:.1%}; moves per 1,000 customer-months: {found.moves:.0f}; labels "
        f"that an exact re-score at the end would change, hysteresis off: {found.stale:.1%}",
        markup=False,
    )


def _widen(console: Console) -> None:
    """Keep all columns of the table in a file or a pipe, which have no width."""
    if not console.is_terminal:
        console.width = _WIDE


def to_json(rows: Sequence[Row], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the results as JSON values; metrics that a method lacks are null."""
    return {
        "tuning_seeds": list(TUNING_SEEDS),
        "seeds": list(seeds),
        "rows": [
            {key: None if isinstance(value, float) and isnan(value) else value for key, value in row.to_dict().items()}
            for row in rows
        ],
    }


_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;"
    "text-align:right}td:nth-child(-n+3),th:nth-child(-n+3){text-align:left}svg{margin:1rem 1rem 0 0}"
    "svg text{font:12px system-ui,sans-serif}"
)


def to_html(rows: Sequence[Row], seeds: Sequence[int]) -> str:
    """Render the results as one self-contained page."""
    heads = "".join(
        f"<th>{escape(h)}</th>" for h in ("shop", "seed", "method", "customers", *(h for _, h, _ in COLUMNS))
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (row.scenario, str(row.seed), row.method, f"{row.customers:,}", *written(row))
        )
        + "</tr>"
        for row in rows
    )
    pictures = "".join(
        bars(title, [(f"{row.scenario} {row.seed} {row.method}", row.to_dict()[name]) for row in rows])
        for name, title in (
            ("ari", "Agreement with the truth (ARI, more is better)"),
            ("spurious", "Spurious moves per 1,000 events (less is better)"),
            ("detected", "True changes seen within 90 days (more is better)"),
        )
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Segments evaluated</title><style>{_STYLE}</style>'
        f"<h1>Segments evaluated</h1><p>{escape(seeds_note(seeds))}</p><table><tr>{heads}</tr>{body}</table>"
        f"<p>{escape(LEGEND)}</p>{pictures}</html>\n"
    )


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """Return a bar chart as inline SVG; missing values have no bar."""
    shown = [(name, value) for name, value in values if not isnan(value)]
    if not shown:
        return ""
    most = max(max(value for _, value in shown), 1e-9)
    left, width, height = 300, 320, 20
    lines = [
        f'<text x="{left - 8}" y="{height * i + 44}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{left}" y="{height * i + 32}" width="{max(width * value / most, 1):.1f}" height="14" fill="#4477aa"/>'
        f'<text x="{left + width * max(value, 0) / most + 6:.1f}" y="{height * i + 44}">{value:.3g}</text>'
        for i, (name, value) in enumerate(shown)
    ]
    total = height * len(shown) + 50
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{total}" role="img">'
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>{"".join(lines)}</svg>'
    )
