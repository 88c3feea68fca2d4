"""Reports of challengers: tables for a terminal, JSON, and one self-contained page with charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from models.challengers.figures import Interval, to_dict
from models.messages import Messages
from schemas.screen_text import line
from streamer import charts
from streamer.charts import Series, Span
from streamer.evaluate.challenge import Challenge, Row

_RANKS: Final = ("auc", "brier", "log_loss", "lift")
_AT_BORDER: Final = ("accuracy", "precision", "recall", "f1")
_FEW: Final = 5
_LANG: Final = {"en": "en", "zh": "zh-CN"}
_STYLE: Final = (
    'body{font:16px/1.5 system-ui,"PingFang SC","Noto Sans SC","Microsoft YaHei",sans-serif;max-width:58rem;'
    "margin:0 auto;padding:1rem;background:light-dark(#fff,#17171b);color:light-dark(#222,#ddd)}"
    "h1{font-size:1.4rem;line-height:1.25}h2{font-size:1.05rem;margin:2rem 0 .5rem}section{margin:2rem 0 0}"
    ".wide{overflow-x:auto}.figures{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}"
    ".figures :is(th,td){padding:.25rem .8rem .25rem 0;border-bottom:1px solid light-dark(#ddd,#3a3a44);"
    "text-align:right;font-weight:400;white-space:nowrap}.figures th:first-child{text-align:left}"
    ".figures small{color:light-dark(#5c5c66,#a5a5b0)}"
)


def sentences(found: Challenge, texts: Messages, first_day: int) -> list[str]:
    """Describe the question and the results in words."""
    looks = [_date(first_day, day) for day in found.looks]
    better = [row for row in found.rows if row.verdict not in (None, "not better")]
    said = [
        texts("challenge search", day=_date(first_day, found.search_until)),
        texts("challenge looks", first=looks[0], last=looks[-1]),
        *(texts(f"challenge {row.verdict}", name=row.name, features=", ".join(row.features) or "-") for row in better),
        *([] if better else [texts("challenge none")]),
        *(
            texts("challenge chose", name=row.name, features=_few(row.features))
            for row in found.rows
            if row.features and row.verdict != "proposed"
        ),
        texts(
            "challenge settings",
            settings="; ".join(f"{row.name}: {_settings(row)}" for row in found.rows if row.params),
        ),
    ]
    name, important = found.important
    if important:
        said.append(texts("challenge important", name=name, features=_few(_rises(important))))
    return said


def _rises(important: Any) -> tuple[str, ...]:
    return tuple(f"{feature} {rise:+.4f}" for feature, rise in important.items() if rise > 0)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" (+{more})" if more > 0 else "")


def title(found: Challenge, texts: Messages, horizon: int, first_day: int) -> str:
    """Return the heading of the table and the page."""
    return texts(
        "challenge title",
        days=horizon,
        customers=found.customers,
        day=_date(first_day, found.looks[-1]),
        share=f"{found.base_rate:.1%}",
    )


def show(found: Challenge, texts: Messages, horizon: int, first_day: int, border: float, console: Console) -> None:
    """Print two tables that fit into 80 columns, and the description."""
    console.print(title(found, texts, horizon, first_day), markup=False)
    console.print(_table(texts("challenge ranks").split("|"), [(row.name, *_ranks(row)) for row in found.rows]))
    console.print(texts("challenge border", border=f"{border:g}"), markup=False)
    console.print(_table(texts("challenge costs").split("|"), [(row.name, *_costs(row)) for row in found.rows]))
    for sentence in sentences(found, texts, first_day):
        console.print(sentence, markup=False)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _ranks(row: Row) -> list[str]:
    gains = [_thousandths(one) for one in row.gains] or ["", ""]
    return [*(_interval(row.figures[name], 2 if name == "lift" else 3) for name in _RANKS), *gains]


def _costs(row: Row) -> list[str]:
    return [
        *(_interval(row.figures[name], 3) for name in _AT_BORDER),
        f"{row.search_seconds:.1f}" if row.search_loss is not None else "",
        f"{row.fit_seconds:.2f}",
        "" if row.score_us is None else f"{row.score_us:.1f}",
    ]


def _settings(row: Row) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in row.params.items())


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _interval(one: Interval, digits: int) -> str:
    """Return the estimate with the interval below it; without leading zeros, for narrow screens."""
    shown = [f"{value:.{digits}f}".removeprefix("0") for value in (one.estimate, one.low, one.high)]
    return f"{shown[0]}\n{shown[1]}-{shown[2]}"


def _thousandths(one: Interval) -> str:
    values = [1_000 * value for value in (one.estimate, one.low, one.high)]
    digits = 0 if max(map(abs, values)) >= 100 else 1
    return f"{values[0]:+.{digits}f}\n{values[1]:.{digits}f}..{values[2]:.{digits}f}"


def to_json(found: Challenge, horizon: int, first_day: int) -> dict[str, Any]:
    """Return all results as JSON values; each metric as estimate, low, high."""
    return {
        "horizon": horizon,
        "search_until": _date(first_day, found.search_until),
        "looks": [_date(first_day, day) for day in found.looks],
        "customers": found.customers,
        "base_rate": round(found.base_rate, 4),
        "rows": [
            {
                "model": row.name,
                "params": dict(row.params),
                "figures": to_dict(row.figures),
                "gains": [[round(v, 5) for v in (one.estimate, one.low, one.high)] for one in row.gains],
                "verdict": row.verdict,
                "search_log_loss": row.search_loss,
                "search_seconds": round(row.search_seconds, 2),
                "fit_seconds": round(row.fit_seconds, 3),
                "score_us": None if row.score_us is None else round(row.score_us, 2),
                "features": list(row.features),
            }
            for row in found.rows
        ],
        "importance": {"model": found.important[0], "rise_of_log_loss": dict(found.important[1])},
        "proposal": None if found.proposal is None else found.proposal.to_dict(),
    }


def page(found: Challenge, texts: Messages, horizon: int, first_day: int, name: str, border: float) -> str:
    """Render the self-contained page. ``name`` is the name of the data."""
    head = title(found, texts, horizon, first_day)
    figures = "".join(
        f"<section>{chart.html(texts('challenge as table'))}</section>" for chart in _charts(found, texts)
    )
    words = "".join(f"<li>{escape(line(one))}</li>" for one in sentences(found, texts, first_day))
    ranks, costs = texts("challenge ranks").split("|"), texts("challenge costs").split("|")
    return (
        f'<!doctype html><html lang="{_LANG[texts.language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(line(name))}</title><style>{_STYLE}{charts.STYLE}</style></head><body>"
        f"<h1>{escape(line(name))}</h1><p>{escape(head)}</p><ul>{words}</ul>{figures}"
        f"<section>{_html_table(ranks, [(row.name, *_ranks(row)) for row in found.rows])}</section>"
        f"<section><h2>{escape(texts('challenge border', border=f'{border:g}'))}</h2>"
        f"{_html_table(costs, [(row.name, *_costs(row)) for row in found.rows])}</section></body></html>\n"
    )


def _charts(found: Challenge, texts: Messages) -> Sequence[charts.Chart]:
    compared = [row for row in found.rows if row.gains]
    tenths = [str(at + 1) for at in range(max(map(len, found.calibration.values())))]
    drawn = []
    for colour, (name, points) in enumerate(found.calibration.items()):
        drawn.append(Series(f"{name}: {texts('challenge expected')}", [chance for chance, _ in points], colour * 2))
        drawn.append(Series(f"{name}: {texts('challenge came')}", [came for _, came in points], colour * 2 + 1))
    return (
        charts.intervals(
            texts("challenge gain chart"),
            [_span(row.name, row.gains[-1], 4, int(row.gains[-1].low > 0)) for row in compared],
            shown=lambda value: f"{value:.3f}",
            head=(texts("challenge model"), texts("challenge gain chart")),
        ),
        charts.intervals(
            "AUC",
            [_span(row.name, row.figures["auc"], 3, int(not row.gains)) for row in found.rows],
            shown=lambda value: f"{value:.2f}",
            head=(texts("challenge model"), "AUC"),
        ),
        charts.lines(
            texts("challenge calibration"),
            tenths,
            drawn,
            shown=lambda value: f"{value:.2f}",
            head=texts("challenge tenth"),
        ),
    )


def _span(name: str, one: Interval, digits: int, colour: int) -> Span:
    shown = f"{one.estimate:.{digits}f} ({one.low:.{digits}f} .. {one.high:.{digits}f})"
    return Span(name, one.low, one.estimate, one.high, shown, colour)


def _html_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell).replace(chr(10), '<br>')}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div class="wide" tabindex="0"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _date(first_day: int, day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=first_day + day)).isoformat()
