"""Serve the first page: segments, moves with reasons, and notable changes of the week."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from schemas.screen_text import line
from streamer import charts
from streamer.charts import Bar, Series
from streamer.queries import history, sales_charts
from streamer.web.api.parameters import day_text
from streamer.web.console.counting import Count, Counting
from streamer.web.console.journeys import Journeys
from streamer.web.console.reach import ANYWAY, SELDOM
from streamer.web.console.visits import Visit
from streamer.web.console.words import Words
from streamer.web.readmodel.reading import Reader

PERIODS: Final = (7, 30, 90)
LATEST: Final = 12
_LIFECYCLE: Final = "lifecycle"
_WEEK: Final = 7
_MOST_NOTES: Final = 4
_FLOWS_HIGH: Final = 300.0
_SIZES_DAYS: Final = 90


@dataclass(frozen=True)
class Overview:
    """The handler of ``/``."""

    reader: Callable[[], Reader]
    counting: Counting
    vector: Callable[[], str]
    journeys: Journeys = field(default_factory=Journeys)

    async def show(self, visit: Visit) -> Response:
        """Return the page."""
        words, reader, policy = visit.words, self.reader(), visit.words.page.policy
        by, days = segmentation_of(visit), days_of(visit)
        # Read the topic's position before the list, so that nothing in between is missed.
        vector = self.vector()
        today = policy.grid.day_of(words.page.clock)
        return visit.html(
            "overview.html",
            by=by,
            days=days,
            periods=PERIODS,
            segmentations=[(name, words.texts.segmentation(name)) for name in words.table],
            totals=words.page.totals,
            revenue=words.money(words.page.totals.revenue_minor / policy.shop.minor_per_major),
            moves=reader.moves_on(today),
            as_of=words.clock(words.page.clock, visit.now),
            flows=self._flows(words, reader, by, policy.grid.instant(today - days + 1), days),
            money=self._money(words, by),
            sizes=sizes_chart(words, reader, by, _SIZES_DAYS),
            latest=[words.move(one, visit.now) for one in reader.latest(LATEST)],
            vector=vector,
            reach=self._reach(words),
            notes=[*self._ahead(words, by), *self._changed(words, reader)],
            sales=sales_of(words, self.counting.newest, by),
        )

    def _flows(self, words: Words, reader: Reader, by: str, since: int, days: int) -> Markup | None:
        found = history.journeys(sizes_of(words, by), self.journeys(reader, by, since))
        if not found:
            return None
        title = words.texts("console flows title", days=days)
        return drawn(
            words,
            charts.flows(
                title,
                found,
                colours=words.colour,
                names=lambda id: words.name(by, id),
                shown=words.number,
                head=(words.texts("column from"), words.texts("column to"), words.texts("console column customers")),
                high=_FLOWS_HIGH,
            ),
        )

    def _money(self, words: Words, by: str) -> Markup | None:
        count = self.counting.newest
        if count is None or count.census.shop.revenue <= 0:
            return None
        shares = [(one, count.census.revenue_share(by, one["id"]) or 0.0) for one in words.table[by]["segments"]]
        shares.sort(key=lambda pair: -pair[1])
        rows = [Bar(line(one["name"]), share, words.share(share), words.colour(one["id"])) for one, share in shares]
        head = (words.texts("console column segment"), words.texts("console column money"))
        return drawn(words, charts.bars(words.texts("console money title"), rows, head=head))

    def _reach(self, words: Words) -> dict[str, Any] | None:
        """Return customers worth contacting and customers who need no offer; None before the first count."""
        if self.counting.newest is None:
            return None
        found, texts = self.counting.newest.reach, words.texts
        return {
            "known": found.known,
            "calls": [
                {
                    "customer": one.customer,
                    "href": customer_path(one.customer),
                    "chance": words.share(one.chance),
                    "spend": words.money(one.spend),
                }
                for one in found.calls
            ],
            "call": texts(
                "console call why", count=found.seldom, share=words.share(SELDOM), money=words.money(found.seldom_money)
            ),
            "unasked": texts("console call unasked", count=found.unasked) if found.unasked else "",
            "alone": texts("console leave count", count=found.anyway),
            "leave": texts("console leave why", share=words.share(ANYWAY), money=words.money(found.anyway_money)),
        }

    def _ahead(self, words: Words, by: str) -> Iterator[dict[str, Any]]:
        """Yield moves that time alone causes within a week."""
        texts, count = words.texts, self.counting.newest
        moves = [] if count is None else [(place, those) for place, those in count.ahead.items() if place[0] == by]
        for (_, before, after), those in sorted(moves, key=lambda pair: -len(pair[1]))[:_MOST_NOTES]:
            names = {"before": words.name(by, before), "after": words.name(by, after)}
            yield {
                "text": texts("console note ahead", count=len(those), days=_WEEK, **names),
                "detail": texts("console note first", day=words.day(those[0].at)),
                "href": f"/ahead?{_query(by=by, before=before, after=after)}",
                "colour": words.colour(after),
            }

    def _changed(self, words: Words, reader: Reader) -> list[dict[str, Any]]:
        """Return segments much larger or smaller than a week ago, greatest difference first."""
        texts, today = words.texts, words.page.policy.grid.day_of(words.page.clock)
        found = []
        for by in words.table:
            now = sizes_of(words, by)
            past = history.sizes_by_day(now, reader.flows(by, today - _WEEK + 1, today), today - _WEEK, today)
            for segment, size in now.items():
                then = past[segment][0]
                by_share = history.changed(size, then)
                if by_share is not None:
                    key = "console note grew" if by_share > 0 else "console note shrank"
                    note = {
                        "text": texts(key, segment=words.name(by, segment), share=words.share(abs(by_share))),
                        "detail": texts("console note sizes", now=words.number(size), then=words.number(then)),
                        "href": segment_path(by, segment),
                        "colour": words.colour(segment),
                    }
                    found.append((-abs(size - then), note))
        return [note for _, note in sorted(found, key=lambda pair: pair[0])[:_MOST_NOTES]]


def sizes_chart(words: Words, reader: Reader, by: str, days: int, only: str | None = None) -> Markup | None:
    """Chart segment sizes over time; with ``only``, those of one segment."""
    today = words.page.policy.grid.day_of(words.page.clock)
    now = sizes_of(words, by)
    found = history.sizes_by_day(now, reader.flows(by, today - days + 1, today), today - days, today)
    shown = [id for id in found if only in (None, id) and any(found[id])]
    if not shown:
        return None
    series = [Series(words.name(by, id), found[id], words.colour(id)) for id in shown]
    labels = [day_text(day) for day in range(today - days, today + 1)]
    title = words.texts("console sizes title", days=days)
    return drawn(words, charts.lines(title, labels, series, shown=words.number, head=words.texts("console column day")))


def sales_of(words: Words, count: Count | None, by: str, only: str | None = None) -> dict[str, Any] | None:
    """Chart orders over time; with ``only``, the money of one segment. None before the first count."""
    if count is None:
        return None
    segments = [
        (one["id"], line(one["name"]), words.colour(one["id"]))
        for one in words.table[by]["segments"]
        if only in (None, one["id"])
    ]
    money = sales_charts.weekly_money(count.sales, by, segments, count.today, words.currency, words.texts, words.number)
    again = sales_charts.retention(count.sales, count.today, words.texts) if only is None else None
    return {
        "money": None if money is None else drawn(words, money),
        "retention": None if again is None else drawn(words, again),
        "week": [
            (*one[:3], sales_charts.change(one.share))
            for one in sales_charts.week_against_last(count.sales, count.today, words.currency, words.texts)
        ],
    }


def drawn(words: Words, chart: charts.Chart) -> Markup:
    """Return a chart as markup; the chart has escaped its inputs."""
    return Markup(chart.html(words.texts("as a table")))


def sizes_of(words: Words, by: str) -> Mapping[str, int]:
    """Return sizes of a segmentation's segments, in its order."""
    return {one["id"]: one["size"] for one in words.table[by]["segments"]}


def segmentation_of(visit: Visit) -> str:
    """Return the requested segmentation, or the first one if it is unknown."""
    table, value = visit.words.table, visit.request.query_params.get("by", _LIFECYCLE)
    return value if value in table else next(iter(table))


def days_of(visit: Visit) -> int:
    """Return the requested period."""
    value = visit.request.query_params.get("days", "")
    return next((days for days in PERIODS if str(days) == value), 30)


def segment_path(segmentation: str, segment: str) -> str:
    """Return the URL of a segment's page."""
    return f"/segments/{quote(segmentation, safe='')}/{quote(segment, safe='')}"


def customer_path(id: str) -> str:
    """Return the URL of a customer's page."""
    return f"/customers/{quote(id, safe='')}"


def _query(**values: str) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
