"""Serve segments: the list, one segment with its members, and upcoming moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from models.rules.draft_reading import editable
from streamer import charts
from streamer.charts import Bar
from streamer.queries import cards
from streamer.queries.foreseen_of_many import Foreseen
from streamer.queries.members import PREDICTIONS, Member, member_of
from streamer.web.api import parameters
from streamer.web.api.ahead import among_clusters
from streamer.web.api.foreseeing import foreseen_in
from streamer.web.api.view import View
from streamer.web.console.builder import PATH as BUILDER
from streamer.web.console.counting import Counting
from streamer.web.console.overview import days_of, drawn, sales_of, segment_path, sizes_chart
from streamer.web.console.visits import Visit
from streamer.web.console.words import Words
from streamer.web.readmodel.reading import Place, Reader

PAGE: Final = 50
_SIZES_DAYS: Final = 90


@dataclass(frozen=True)
class Segments:
    """Handlers under ``/segments``, and of ``/ahead``."""

    view: View
    reader: Callable[[], Reader]
    counting: Counting

    async def list(self, visit: Visit) -> Response:
        """Show all segmentations with the sizes of their segments."""
        words, count = visit.words, self.counting.newest
        found = []
        for name, held in words.table.items():
            whole = sum(one["size"] for one in held["segments"]) or 1
            rows = [
                {
                    **one,
                    "share": words.share(one["size"] / whole),
                    "money": words.share(None if count is None else count.census.revenue_share(name, one["id"])),
                    "part": round(100 * one["size"] / whole),
                    "colour": words.colour(one["id"]),
                    "href": segment_path(name, one["id"]),
                }
                for one in held["segments"]
            ]
            found.append((name, words.texts.segmentation(name), held, rows))
        return visit.html(
            "segments.html",
            segmentations=found,
            words=words,
            off=[
                (name, words.texts.segmentation(name)) for name in editable(words.page.text) if name not in words.table
            ],
            edit=BUILDER,
            note=visit.note("activated"),
        )

    async def one(self, visit: Visit) -> Response:
        """Show a segment: its card, its size over time, its flows, and its members."""
        words, reader = visit.words, self.reader()
        by, id = parameters.id_of(visit.request, "segmentation"), parameters.id_of(visit.request, "segment")
        held = next((one for one in words.table.get(by, {"segments": ()})["segments"] if one["id"] == id), None)
        if held is None:
            return visit.gone("console gone segment")
        after = parameters.place_of(visit.request.query_params.get("cursor"), "since")
        found = reader.members(by, id, after=after, limit=PAGE)
        people = await self.view.customers([one.customer for one in found], orders=True)
        policy, moves = words.page.policy, await among_clusters(people, by, words.page)
        predictions = foreseen_in(people, words.page, PREDICTIONS)
        listed = [
            None
            if one is None
            else member_of(one.customer, place.since, by, policy.definitions, policy.shop, moves.get(place.customer))
            for place, one in zip(found, people, strict=True)
        ]
        rows = [
            _row(words, by, place, one, predictions.get(place.customer))
            for place, one in zip(found, listed, strict=True)
        ]
        came, went = self._flows(words, reader, by, id, days_of(visit))
        return visit.html(
            "segment.html",
            by=by,
            segmentation=words.texts.segmentation(by),
            segment=held,
            colour=words.colour(id),
            days=days_of(visit),
            card=self._card(words, by, id),
            sizes=sizes_chart(words, reader, by, _SIZES_DAYS, only=id),
            sales=sales_of(words, self.counting.newest, by, only=id),
            came=came,
            went=went,
            members=rows,
            next=parameters.cursor(found[-1], "since") if len(found) == PAGE else None,
            first=after is None,
            csv=f"{segment_path(by, id)}/members.csv",
        )

    async def ahead(self, visit: Visit) -> Response:
        """List customers who change segment within a week without further events."""
        words, count, asks = visit.words, self.counting.newest, visit.request.query_params
        by, before, after = (asks.get(name, "") for name in ("by", "before", "after"))
        those = [] if count is None else count.ahead.get((by, before, after), [])
        return visit.html(
            "ahead.html",
            before=words.name(by, before),
            after=words.name(by, after),
            people=[(one.customer, words.instant(one.at)) for one in those],
            as_of=None if count is None else words.instant(count.at),
        )

    def _card(self, words: Words, by: str, id: str) -> dict[str, Any] | None:
        count = self.counting.newest
        if count is None:
            return None
        found = cards.cards(f"{by}/{id}", words.page.policy, words.page.model, count.census, words.texts)[0]
        return {
            "share": words.share(found["share"]),
            "revenue_share": words.share(found["revenue_share"]),
            "words": found["words"],
        }

    def _flows(self, words: Words, reader: Reader, by: str, id: str, days: int) -> tuple[Any, Any]:
        """Chart origins and destinations of customers as bars; None if there are none."""
        today = words.page.policy.grid.day_of(words.page.clock)
        came: Counter[str] = Counter()
        went: Counter[str] = Counter()
        for one in reader.flows(by, today - days + 1, today):
            if one.after == id and one.before != id:
                came[one.before] += one.customers
            if one.before == id and one.after != id:
                went[one.after] += one.customers

        def bars(key: str, found: Counter[str]) -> Any:
            rows = [
                Bar(words.name(by, other), float(n), words.number(n), words.colour(other))
                for other, n in found.most_common()
            ]
            head = (words.texts("console column segment"), words.texts("console column customers"))
            return drawn(words, charts.bars(words.texts(key, days=days), rows, head=head)) if rows else None

        return bars("console came", came), bars("console went", went)


def _row(words: Words, by: str, place: Place, member: Member | None, predictions: Foreseen | None) -> dict[str, Any]:
    """Return a line of the member list, almost empty if the customer was erased since."""
    last = None if member is None else member.last_order
    ahead = None if member is None else member.next_move
    return {
        "id": place.customer,
        "name": None if member is None else member.name,
        "since": words.instant(place.since),
        "last_order": None if last is None else words.day(last),
        "next": None if ahead is None else (words.name(by, ahead[0]), words.day(ahead[1])),
        "chance": "–" if predictions is None else words.share(predictions.values["p_buy_30d"]),
        "spend": "–" if predictions is None else words.money(predictions.values["expected_spend_90d"]),
    }
