"""The case as one self-contained page with charts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from models.prediction.model import HORIZON
from schemas.screen_text import line
from streamer import charts
from streamer.charts import Bar, Series, Span
from streamer.evaluate.case import report
from streamer.evaluate.case.study import Case, Row

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:0 auto;padding:1rem;"
    "background:light-dark(#fff,#17171b);color:light-dark(#222,#ddd)}"
    "h1{font-size:1.4rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
    ".wide{overflow-x:auto}.figures{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}"
    ".figures :is(th,td){padding:.25rem .8rem .25rem 0;border-bottom:1px solid light-dark(#ddd,#3a3a44);"
    "text-align:right;font-weight:400}.figures :is(th:first-child){text-align:left}.figures thead th{font-weight:600}"
    "section{margin:2rem 0 0}"
)


def page(case: Case, name: str, day: str, currency: str) -> str:
    """Render the page.

    Parameters
    ----------
    name
        Name of the file.
    day
        Day of the question, ``YYYY-MM-DD``.
    """
    title = f"Who will spend much: {name} on {day}"
    reached, calibrated, spans = (f"<section>{one.html('as a table')}</section>" for one in _charts(case))
    clusters = [
        (f"{at + 1}", f"{one.customers:,}", f"{one.high:.0%}", f"{one.spend_each:,.0f}")
        for at, one in enumerate(case.clusters)
    ]
    parts = [
        _list("Clean", [f"{what}: {count:,}" for what, count in case.cleaned]),
        _list("Ask", report.question(case, currency)),
        _table("Clusters of habits", ("", "customers", "of high value", f"spend each, {currency}"), clusters),
        _table("Who is of high value", ("", *report.COLUMNS), _cells(case.rows)),
        f"<p>{_text(report.LEGEND)}</p>",
        reached,
        spans,
        calibrated,
        _table(f"Who orders again within {HORIZON} days", ("", *report.COLUMNS), _cells(case.again)),
        _list("Does a model help?", report.verdict(case)),
        _list("Reach within the budget", report.money(case, currency)),
        _list("What a campaign could prove", report.proof(case)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_text(title)}</title><style>{_STYLE}{charts.STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"{''.join(parts)}</body></html>\n"
    )


def _charts(case: Case) -> Sequence[charts.Chart]:
    groups = [f"{at + 1}" for at in range(len(case.calibration))]
    said, came = zip(*case.calibration, strict=True)
    return (
        charts.bars(
            f"Share of the spend of the {HORIZON} days after that the budget reaches",
            [Bar(row.method, row.reached, f"{row.reached:.1%}") for row in case.rows],
            head=("method", "spend reached"),
        ),
        charts.lines(
            "The forest's chances, in ten groups of customers",
            groups,
            [Series("said", said, 0), Series("came", came, 1)],
            shown=lambda value: f"{value:.0%}",
            head="group",
        ),
        charts.intervals(
            "Difference in AUC, with 95 % intervals",
            [
                Span(f"{one.method} against {one.against}", one.low, one.estimate, one.high, f"{one.estimate:+.3f}")
                for one in case.differences
            ],
            shown=lambda value: f"{value:+.3f}",
            head=("methods", "difference"),
        ),
    )


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [(f"{row.method} ({row.note})" if row.note else row.method, *report.written(row)) for row in rows]


def _list(title: str, sentences: Sequence[str]) -> str:
    return f"<h2>{_text(title)}</h2><ul>{''.join(f'<li>{_text(one)}</li>' for one in sentences)}</ul>"


def _table(title: str, head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    heads = "".join(f'<th scope="col">{_text(one)}</th>' for one in head)
    body = "".join(
        f'<tr><th scope="row">{_text(first)}</th>{"".join(f"<td>{_text(one)}</td>" for one in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<h2>{_text(title)}</h2><div class="wide" tabindex="0"><table class="figures">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _text(text: str) -> str:
    return escape(line(text.strip()))
