"""Draw charts of orders over time, for pages and reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.messages import Messages
from schemas.money import exponent
from streamer import charts
from streamer.charts import Row, Series
from streamer.queries.sales import Sales, Span, day_text, month_text


class Compared(NamedTuple):
    """A formatted figure of this week and last week; ``share`` is the relative difference, or None."""

    name: str
    now: str
    then: str
    share: float | None


def retention(sales: Sales, today: int, texts: Messages) -> charts.Chart | None:
    """Chart the retention by month of the first order; None without orders."""
    found = sales.cohorts(today)
    if not found:
        return None
    return charts.cohorts(
        texts("sales retention"),
        [
            Row(month_text(one.month), f"{one.customers:,}", [n / one.customers for n in one.ordered])
            for one in reversed(found)
        ],
        head=(texts("sales first order"), texts("console column customers")),
        description=texts("sales retention words"),
    )


def weekly_money(
    sales: Sales,
    segmentation: str,
    segments: Sequence[tuple[str, str, int]],
    today: int,
    currency: str,
    texts: Messages,
    number: Callable[[float], str],
) -> charts.Chart | None:
    """Chart weekly money of the customers currently in each segment (id, name, colour); None if there is none."""
    minor, most = 10 ** exponent(currency), sales.weeks_known(today)
    series = [
        Series(name, [one / minor for one in sales.weekly(segmentation, id, today, most)], colour)
        for id, name, colour in segments
    ]
    series = [one for one in series if any(one.values)]
    if not series:
        return None
    return charts.columns(
        texts("sales money", currency=currency),
        [day_text(day) for day in sales.weeks(today, most)],
        series,
        shown=number,
        description=texts("sales money words"),
        head=texts("sales week"),
    )


def week_against_last(sales: Sales, today: int, currency: str, texts: Messages) -> list[Compared]:
    """Compare orders, money and new customers of this week so far with the same days last week."""
    now, then = sales.week_against_last(today)
    minor = 10 ** exponent(currency)

    def compared(key: str, value: Callable[[Span], int], shown: Callable[[int], str]) -> Compared:
        a, b = value(now), value(then)
        return Compared(texts(key), shown(a), shown(b), None if b <= 0 else a / b - 1)

    return [
        compared("console orders", lambda one: one.orders, lambda n: f"{n:,}"),
        compared("console revenue", lambda one: one.money, lambda n: f"{n / minor:,.0f}\xa0{currency}"),
        compared("sales new", lambda one: one.new, lambda n: f"{n:,}"),
    ]


def change(share: float | None) -> str:
    """Format a relative difference.

    >>> change(0.123), change(-0.5), change(None), change(0.0)
    ('+12\\xa0%', '−50\\xa0%', '–', '0\\xa0%')
    """
    if share is None:
        return "–"
    rounded = round(share * 100)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded):,}\xa0%"
