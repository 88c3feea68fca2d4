"""One self-contained page about how well a file's segments of one day predict the next 90 days."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from models.messages.count import Count
from schemas.money import exponent
from schemas.screen_text import line
from streamer import charts
from streamer.charts import Bar, Share
from streamer.evaluate.retail import FOLLOWING_DAYS, Retail

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:1rem;"
    "background:light-dark(#fff,#17171b);color:light-dark(#222,#ddd)}"
    "h1{font-size:1.4rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
    ".wide{overflow-x:auto}.figures{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}"
    ".figures :is(th,td){padding:.25rem .8rem .25rem 0;border-bottom:1px solid light-dark(#ddd,#3a3a44);"
    "text-align:right;font-weight:400}.figures :is(th:first-child){text-align:left}.figures thead th{font-weight:600}"
    "section{margin:2rem 0 0}"
)
_WHAT: Final = (
    "Customers were put into segments by what was known on that day. The figures say how well this tells the "
    f"{FOLLOWING_DAYS} days after it, which nobody knew."
)


def page(found: Retail, name: str, day: str, currency: str) -> str:
    """Render the page.

    Parameters
    ----------
    name
        Name of the file.
    day
        Day of the segments, ``YYYY-MM-DD``.
    """
    title = f"Segments of {name} on {day}"
    figures = "".join(f"<section>{chart.html('as a table')}</section>" for chart in _charts(found, currency))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_text(title)}</title><style>{_STYLE}{charts.STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p>{_text(_WHAT)}</p>{figures}{_divisions(found)}"
        f"<h2>How still they are</h2><ul><li>{found.bounce:.1%} of all moves were undone within 30 days</li>"
        f"<li>{found.moves:,.0f} moves per 1,000 customer-months</li></ul></body></html>\n"
    )


def _charts(found: Retail, currency: str) -> Sequence[charts.Chart]:
    palette = charts.Palette([str(card["name"]) for card in found.cards])
    scale = 10 ** exponent(currency)
    rows = [
        (line(str(card["name"])), int(str(card["customers"])), float(str(card["next_spend_each"])) / scale)
        for card in found.cards
    ]
    return (
        charts.shares(
            f"{Count(found.customers):|customer} by segment",
            [Share(name, count, f"{count:,}", palette[name]) for name, count, _ in rows],
            head=("segment", "customers"),
        ),
        charts.bars(
            f"Spend of a customer in the {FOLLOWING_DAYS} days after, {currency}",
            [Bar(name, each, f"{each:,.2f}", palette[name]) for name, _, each in rows],
            head=("segment", currency),
        ),
    )


def _divisions(found: Retail) -> str:
    """Render the predictive value of each division of the customers."""
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{eta:.3f}</td><td>{area:.3f}</td><td>{groups}</td></tr>'
        for name, eta, area, groups in found.rows
    )
    return (
        '<h2>Beside other divisions of the same customers</h2><div class="wide" tabindex="0"><table class="figures">'
        '<thead><tr><th scope="col"></th><th scope="col">spend told (eta², of 1)</th>'
        '<th scope="col">buys again (AUC, .5 is chance)</th><th scope="col">groups</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _text(text: str) -> str:
    return escape(line(text))
