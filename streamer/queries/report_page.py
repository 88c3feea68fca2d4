"""Render a report as a self-contained HTML page with charts, for a screen, a phone or an e-mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any, Final

from models.messages import Messages
from schemas.money import exponent
from schemas.screen_text import line
from schemas.wire_time import iso
from streamer import charts
from streamer.charts import Bar, Flow, Palette, Series
from streamer.queries import sales_charts
from streamer.queries.report import NOWHERE, Division, Report
from streamer.queries.sales import day_text

_GREY: Final = 8
_HIGH: Final = 280.0
_STYLE: Final = (
    'body{font:16px/1.5 system-ui,"PingFang SC","Noto Sans SC","Microsoft YaHei",sans-serif;max-width:44rem;'
    "margin:0 auto;padding:1.25rem 1rem 3rem;background:light-dark(#fff,#17171b);color:light-dark(#222,#ddd);"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.2rem;margin:2.5rem 0 .75rem;padding-top:1rem;"
    "border-top:1px solid light-dark(#ddd,#3a3a44)}"
    ".dim{color:light-dark(#5c5c66,#a5a5b0);margin:.25rem 0}"
    "dl{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1.25rem 0 0}dl div{display:flex;flex-direction:column-reverse}"
    "dt{color:light-dark(#5c5c66,#a5a5b0);font-size:14px}"
    "dd{margin:0;font-size:1.5rem;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "table.segments{border-collapse:collapse;width:100%;font-size:15px}"
    ".segments :is(th,td){padding:.45rem 0 .45rem .75rem;border-bottom:1px solid light-dark(#e4e4ea,#33333c);"
    "text-align:right;font-weight:400;font-variant-numeric:tabular-nums;vertical-align:baseline;white-space:nowrap}"
    ".segments th:first-child{text-align:left;padding-left:0;white-space:normal}"
    ".segments thead th{font-size:13px;color:light-dark(#5c5c66,#a5a5b0)}"
    ".segments i{display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.45em}"
    "section{margin:1.5rem 0 0}code{font-size:14px}"
    "@media (max-width:479px){.wide-only{display:none}}"
    ".c8{fill:light-dark(#b3b0a6,#5d6168)}.c8b{background:light-dark(#b3b0a6,#5d6168)}"
)


def page(found: Report, texts: Messages, command: str) -> str:
    """Render the page; ``command`` is the command that wrote it."""
    shop, minor = found.shop, 10 ** exponent(found.shop.currency)
    title = texts("report title", first=day_text(found.first), last=day_text(found.last))
    figures = (
        ("console customers", f"{shop.totals.customers:,}"),
        ("console orders", f"{shop.totals.orders:,}"),
        ("report reversals", f"{shop.totals.reversals:,}"),
        ("console revenue", f"{shop.totals.revenue_minor / minor:,.2f} {shop.currency}"),
    )
    parts = [
        f"<h1>{escape(texts('report head'))}</h1>",
        f'<p class="dim">{escape(texts("report days", first=day_text(found.first), last=day_text(found.last)))} '
        f"{escape(texts('report as of', at=iso(shop.clock)[:16].replace('T', ' ')))}</p>",
        "<dl>" + "".join(f"<div><dt>{escape(texts(key))}</dt><dd>{escape(value)}</dd></div>" for key, value in figures),
        "</dl>",
        _week(found, texts),
        *(_division(one, found, texts) for one in found.divisions if any(row["customers"] for row in one.rows)),
        f'<p class="dim">{escape(texts("console same"))} <code>{escape(line(command))}</code></p>',
    ]
    return (
        f'<!doctype html><html lang="{"zh-Hans" if texts.language == "zh" else texts.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{charts.STYLE}{_dots()}{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _week(found: Report, texts: Messages) -> str:
    """Render this week compared with the last, and the retention."""
    shop = found.shop
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th><td>{escape(one.now)}</td><td>{escape(one.then)}</td>'
        f"<td>{escape(sales_charts.change(one.share))}</td></tr>"
        for one in sales_charts.week_against_last(shop.sales, found.last, shop.currency, texts)
    )
    head = "".join(
        f'<th scope="col">{escape(texts(key))}</th>' for key in ("sales now", "sales then", "report column change")
    )
    again = sales_charts.retention(shop.sales, found.last, texts)
    return (
        f"<h2>{escape(texts('sales this week'))}</h2>"
        f'<table class="segments"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
        + ("" if again is None else f"<section>{again.html(texts('as a table'))}</section>")
    )


def _dots() -> str:
    """Return the chart colours for the dots in tables."""
    from streamer.charts.theme import DARK, LIGHT

    return "".join(
        f".c{at}b{{background:light-dark({one},{other})}}"
        for at, (one, other) in enumerate(zip(LIGHT, DARK, strict=True))
    )


def _division(one: Division, found: Report, texts: Messages) -> str:
    palette = Palette.of([[row["id"] for row in one.rows]])
    names = {row["id"]: line(row["name"]) for row in one.rows} | {NOWHERE: texts("console nowhere")}

    def colour(id: str) -> int:
        return palette[id] if id in names and id else _GREY

    moved = sum(one.causes.values())
    causes = ", ".join(f"{texts.cause(cause)} {count:,}" for cause, count in one.causes.items())
    sentence = texts("report moves", moves=moved, causes=causes) if moved else texts("report no moves")
    drawings = _charts(one, found, texts, colour, lambda id: names.get(id, line(id)))
    return (
        f"<h2>{escape(line(texts.segmentation(one.name)))}</h2>"
        + _table(one.rows, palette, texts)
        + f'<p class="dim">{escape(sentence)}</p>'
        + "".join(f"<section>{chart.html(texts('as a table'))}</section>" for chart in drawings)
    )


def _table(rows: Iterable[dict[str, Any]], palette: Palette, texts: Messages) -> str:
    head = [
        ("", texts("console column segment")),
        ("", texts("console column customers")),
        ("", texts("report column change")),
        ("wide-only", texts("console column share")),
        ("", texts("console column money")),
    ]
    body = "".join(
        f'<tr><th scope="row"><i class="c{palette[row["id"]]}b"></i>{escape(line(row["name"]))}</th>'
        f"<td>{row['customers']:,}</td><td>{_signed(row['customers'] - row['before'])}</td>"
        f'<td class="wide-only">{_share(row["share"])}</td><td>{_share(row["revenue_share"])}</td></tr>'
        for row in rows
    )
    cells = "".join(f'<th scope="col"{f" class={kind}" if kind else ""}>{escape(text)}</th>' for kind, text in head)
    return f'<table class="segments"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>'


def _charts(
    one: Division, found: Report, texts: Messages, colour: Callable[[str], int], name: Callable[[str], str]
) -> Iterable[charts.Chart]:
    """Yield charts of customer flows, sizes over time, and money by segment."""
    days = found.last - found.first + 1
    if one.flows:
        yield charts.flows(
            texts("console flows title", days=days),
            [Flow(before, after, float(n)) for before, after, n in one.flows],
            colours=colour,
            names=name,
            shown=lambda value: f"{value:,.0f}",
            head=(texts("column from"), texts("column to"), texts("console column customers")),
            high=_HIGH,
        )
    if days > 1:
        yield charts.lines(
            texts("console sizes title", days=days),
            [day_text(day) for day in range(found.first - 1, found.last + 1)],
            [Series(name(id), row, colour(id)) for id, row in one.days.items() if any(row)],
            shown=lambda value: f"{value:,.0f}",
            head=texts("console column day"),
        )
    if any(row["revenue_share"] for row in one.rows):
        money = sorted(one.rows, key=lambda row: -(row["revenue_share"] or 0.0))
        yield charts.bars(
            texts("console money title"),
            [
                Bar(name(row["id"]), row["revenue_share"] or 0.0, _share(row["revenue_share"]), colour(row["id"]))
                for row in money
            ],
            head=(texts("console column segment"), texts("console column money")),
        )
    segments = [(row["id"], name(row["id"]), colour(row["id"])) for row in one.rows]
    shop = found.shop
    money_by_week = sales_charts.weekly_money(
        shop.sales, one.name, segments, found.last, shop.currency, texts, lambda value: f"{value:,.0f}"
    )
    if money_by_week is not None:
        yield money_by_week


def _share(value: float | None) -> str:
    """Format a share, with a no-break space before the percent sign.

    >>> _share(0.0531), _share(0.41), _share(None)
    ('5.3\\xa0%', '41\\xa0%', '–')
    """
    if value is None:
        return "–"
    return f"{value * 100:.1f}\xa0%" if 0 < value < 0.0995 else f"{value * 100:.0f}\xa0%"


def _signed(value: int) -> str:
    """Format a difference with its sign.

    >>> _signed(5), _signed(-1204), _signed(0)
    ('+5', '-1,204', '0')
    """
    return f"{value:+,}" if value else "0"
