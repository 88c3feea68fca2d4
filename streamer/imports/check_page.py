"""Render a check as a self-contained HTML page with charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from models.messages import Messages
from models.messages.translatable import in_language
from schemas.money import exponent
from schemas.screen_text import line as one_line
from streamer import charts
from streamer.charts import Bar, Palette, Series, Share
from streamer.imports.check_report import difference_cells, fates, money, statement, verdict
from streamer.imports.checked import NAMED, Checked, Difference

_LINES: Final = 200
"""Maximum number of differing lines on the page."""
_STYLE: Final = (
    'body{font:16px/1.5 system-ui,"PingFang SC","Noto Sans SC","Microsoft YaHei",sans-serif;max-width:42rem;'
    "margin:0 auto;padding:1rem;background:light-dark(#fff,#17171b);color:light-dark(#222,#ddd)}"
    "h1{font-size:1.4rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
    ".verdict{padding:.6rem .9rem;border-left:4px solid light-dark(#2e8b6b,#57c79c);"
    "background:light-dark(#f1f7f4,#1f2a26)}"
    ".verdict.differs{border-color:light-dark(#b3261e,#f28b82);background:light-dark(#fdf1f0,#2e1f1e)}"
    ".wide{overflow-x:auto}.figures{border-collapse:collapse;font-size:14px}"
    ".figures :is(th,td){padding:.25rem .8rem .25rem 0;border-bottom:1px solid light-dark(#ddd,#3a3a44);text-align:right;"
    "font-weight:400;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".figures :is(th:first-child){text-align:left;white-space:normal;min-width:9rem}.figures thead th{font-weight:600}"
    ".figures.strong tr:last-child :is(th,td){font-weight:600}"
    "@media (max-width:639px){.strong :is(th,td):is(:nth-child(2),:nth-child(4)){display:none}"
    ".figures :is(th:first-child){min-width:5.5rem}.figures :is(th,td){padding-right:.4rem;font-size:12px}}"
    ".figures.lines :is(th,td):last-child{text-align:left;white-space:normal}.lines :is(th:first-child){min-width:2.5rem}"
    "summary{cursor:pointer}"
    "code{overflow-wrap:anywhere}pre{white-space:pre-wrap;padding:.6rem .9rem;"
    "background:light-dark(#f4f4f6,#24242b)}li{margin:.2rem 0}"
)


def page(found: Checked, name: str, currency: str, texts: Messages, command: str) -> str:
    """Render the page.

    Parameters
    ----------
    name
        Name of the file.
    command
        Command that imports the file with these settings.
    """
    title = texts("check title", name=name)
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="verdict{"" if found.agrees else " differs"}">{_text(verdict(found, currency, texts))}</p>',
        _table(statement(found, currency, texts), "figures strong"),
        _list(texts("check looks"), [look.text(texts) for look in found.looks])
        if found.looks
        else f"<p>{_text(texts('check nothing looks wrong'))}</p>",
        *(f"<section>{chart.html(texts('as a table'))}</section>" for chart in _charts(found, currency, texts)),
        _differing(found, currency, texts),
        _list(texts("check found"), [str(in_language(note, texts)) for note in found.notes]),
        f"<h2>{_text(texts('check go on'))}</h2><pre><code>{_text(command)}</code></pre>",
    ]
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_text(title)}</title><style>{_STYLE}{charts.STYLE}section{{margin:2rem 0 0}}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _charts(found: Checked, currency: str, texts: Messages) -> Iterable[charts.Chart]:
    rows = fates(found, texts)
    palette = Palette.of([[id for id, _, _ in rows]])
    yield charts.shares(
        texts("check row fate"),
        [Share(one_line(name), number, f"{number:,}", palette[id]) for id, name, number in rows],
        head=(texts("check fate"), texts("check rows column")),
    )
    if found.months:
        scale = 10 ** exponent(currency)
        series = [
            Series(
                texts("check column orders"), [sums[0] / scale for sums in found.months.values()], palette["orders"]
            ),
            Series(
                texts("check column refunds"), [-sums[1] / scale for sums in found.months.values()], palette["refunds"]
            ),
        ]
        if not any(series[1].values):
            series = series[:1]
        yield charts.columns(
            texts("check months", currency=currency),
            list(found.months),
            series,
            shown=lambda value: f"{value:,.0f}",
            head=texts("check month"),
        )
    if found.customers:
        yield charts.bars(
            texts("check customers"),
            [Bar(name, number, f"{number:,}", palette["orders"]) for name, number in _groups(found, texts)],
            head=(texts("check column orders"), texts("check customers column")),
        )
    if found.largest and found.largest[0][1]:
        yield charts.bars(
            texts("check largest"),
            [
                Bar(one_line(id), orders, f"{orders:,} ({money(spend, currency)} {currency})", palette["orders"])
                for id, orders, spend in found.largest
                if orders
            ],
            head=(texts("check customers column"), texts("check column orders")),
        )


def _groups(found: Checked, texts: Messages) -> Iterable[tuple[str, int]]:
    """Yield the numbers of customers by number of orders, in groups of increasing size."""
    borders = (0, 1, 2, 3, 5, 10, 20, 50, 100)
    held = found.orders_by_customer
    for first, last in zip(borders, (*(one - 1 for one in borders[1:]), None), strict=True):
        number = sum(count for orders, count in held.items() if orders >= first and (last is None or orders <= last))
        if first == 0:
            number += held[-1]
            name = texts("check no order")
        elif last is None:
            name = texts("check orders", orders=f"{first}+")
        elif first == last:
            name = texts("check one order") if first == 1 else texts("check orders", orders=str(first))
        else:
            name = texts("check orders", orders=f"{first}–{last}")
        if number:
            yield name, number


def _differing(found: Checked, currency: str, texts: Messages) -> str:
    """Render the differing lines: unexplained ones visible, explained ones collapsed."""
    unexplained = [one for one in found.differences if one.reason is None]
    explained = [one for one in found.differences if one.reason is not None]
    parts = ""
    if unexplained:
        parts += f"<h2>{_text(texts('check differing'))}</h2>{_lines(unexplained, currency, texts)}"
    if explained:
        more = "+" if len(explained) >= NAMED or len(explained) > _LINES else ""
        title = texts("check lines left out", count=f"{min(len(explained), _LINES):,}{more}")
        inside = _lines(explained, currency, texts)
        parts += f"<section><details><summary>{_text(title)}</summary>{inside}</details></section>"
    return parts


def _lines(rows: Sequence[Difference], currency: str, texts: Messages) -> str:
    head = [
        texts("check line column"),
        texts("check kind column"),
        texts("check counted column"),
        texts("check applied column"),
        texts("check reason column"),
    ]
    return _table([head, *(difference_cells(one, currency, texts) for one in rows[:_LINES])], "figures lines")


def _table(rows: Sequence[Sequence[str]], kind: str) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>' + "".join(f"<td>{_text(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows[1:]
    )
    return (
        f'<div class="wide" tabindex="0"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _list(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<h2>{_text(title)}</h2><ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>"


def _text(text: str) -> str:
    # Texts for terminals mark input in backticks.
    return escape(one_line(text).replace("`", ""))
