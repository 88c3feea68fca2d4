"""Serve segments, their members, and moves between them."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from models.features.predicted import PREDICTED
from models.messages import messages
from schemas.errors import UserError
from schemas.screen_text import harmless_cell
from streamer.queries import cards, previews
from streamer.queries.foreseen_of_many import Foreseen
from streamer.queries.members import FILE_COLUMNS, PREDICTIONS, Member, member_of, row
from streamer.queries.names import segment_name
from streamer.web.api import parameters
from streamer.web.api.ahead import among_clusters
from streamer.web.api.book import Book, Page
from streamer.web.api.foreseeing import foreseen_in
from streamer.web.api.problems import ProblemError
from streamer.web.api.view import Looked, View
from streamer.web.readmodel.reading import Place, Reader

MAX_FILE_BYTES: Final = 200_000
_CHUNK: Final = 500
_LIFECYCLE: Final = "lifecycle"
_DAYS: Final = 30


class Segments:
    """Handlers for segments, flows and previews; ``reader`` opens the read model."""

    def __init__(self, view: View, book: Book, reader: Callable[[], Reader]) -> None:
        self._view = view
        self._book = book
        self._reader = reader

    async def list(self, request: Request) -> Response:
        """Return all segmentations with the sizes of their segments."""
        return parameters.answer({"segmentations": self._book.page.table})

    async def card(self, request: Request) -> Response:
        """Return the card of one segment."""
        place, page = self._place(request), self._book.page
        counted = await self._book.counted()
        found = cards.cards("/".join(place), page.policy, page.model, counted, messages(page.policy.language))
        return parameters.answer(found[0])

    async def members(self, request: Request) -> Response:
        """Return a page of members."""
        place, limit, order = self._place(request), parameters.limit_of(request), parameters.order_of(request)
        after = parameters.place_of(request.query_params.get("cursor"), order)
        found = self._reader().members(*place, after=after, limit=limit, order=order)
        wanted = parameters.flag_of(request, "predictions")
        people = await self._view.customers([one.customer for one in found], orders=wanted)
        page = self._book.page
        ahead = await among_clusters(people, place[0], page)
        predictions = foreseen_in(people, page, tuple(PREDICTED)) if wanted else None
        return parameters.answer(
            {
                "segmentation": place[0],
                "segment": place[1],
                "members": [
                    _shown(_member(*one, place[0], page, ahead), place[0], page)
                    | _predicted(one[0].customer, predictions)
                    for one in zip(found, people, strict=True)
                ],
                "next": parameters.cursor(found[-1], order) if len(found) == limit else None,
            }
        )

    async def members_csv(self, request: Request) -> Response:
        """Stream all members in chunks, to limit memory."""
        place = self._place(request)
        name = f"{place[0]}-{place[1]}.csv".encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
        return StreamingResponse(
            self._rows(*place), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
        )

    async def flows(self, request: Request) -> Response:
        """Return moves within a segmentation, by day."""
        grid = self._book.page.policy.grid
        last = parameters.day_of(request, "to", grid.day_of(time.time_ns() // 1_000_000))
        first = parameters.day_of(request, "from", max(last - _DAYS + 1, parameters.FIRST_DAY))
        first, last = min(first, last), max(first, last)
        segmentation = parameters.name_of(request, "segmentation", _LIFECYCLE) or _LIFECYCLE
        summed: Counter[tuple[str, str, str]] = Counter()
        for flow in self._reader().flows(segmentation, first, last):
            summed[flow.before, flow.after, flow.cause] += flow.customers
        return parameters.answer(
            {
                "segmentation": segmentation,
                "first_day": parameters.day_text(first),
                "last_day": parameters.day_text(last),
                "flows": [
                    {"from": before or None, "to": after or None, "cause": cause, "customers": count}
                    for (before, after, cause), count in sorted(summed.items())
                ],
            }
        )

    async def file(self, request: Request) -> Response:
        """Return the file in force."""
        page = self._book.page
        return parameters.answer({"version": page.policy.definitions.version, "text": page.text})

    async def preview(self, request: Request) -> Response:
        """Return the moves that the request body would cause if it came into force."""
        text = await _body(request)
        page = self._book.page
        look = partial(previews.preview, policy=page.policy, text=text, now_ms=time.time_ns() // 1_000_000)
        try:
            found = await self._book.query(lambda view: look(view).to_dict())
        except UserError as error:
            raise ProblemError(422, error.message, error.hint) from None
        return parameters.answer(found)

    async def _rows(self, segmentation: str, segment: str) -> AsyncIterator[bytes]:
        yield _csv([FILE_COLUMNS])
        reader, after, page = self._reader(), None, self._book.page
        while found := reader.members(segmentation, segment, after=after, limit=_CHUNK, order="id"):
            people = await self._view.customers([one.customer for one in found], orders=True)
            ahead = await among_clusters(people, segmentation, page)
            predictions = foreseen_in(people, page, PREDICTIONS)
            listed = [_member(*one, segmentation, page, ahead) for one in zip(found, people, strict=True)]
            rows = [row(replace(one, foreseen=predictions.get(one.id))) for one in listed]
            yield _csv([list(one.values()) for one in rows])
            after = found[-1]

    def _place(self, request: Request) -> tuple[str, str]:
        """Return the segment in the path. Raises ProblemError if there is none with that name."""
        segmentation, segment = parameters.id_of(request, "segmentation"), parameters.id_of(request, "segment")
        known = self._book.page.table.get(segmentation, {"segments": ()})
        if not any(one["id"] == segment for one in known["segments"]):
            raise ProblemError(404, "no such segment", "`GET /v1/segments` lists them")
        return segmentation, segment


def _predicted(id: str, predictions: Mapping[str, Foreseen] | None) -> dict[str, Any]:
    """Return what a member's predictions add to it; empty if they were not requested."""
    if predictions is None:
        return {}
    known = predictions.get(id)
    return {"predictions": None if known is None else {"version": known.version, "values": known.values}}


def _member(
    place: Place, looked: Looked | None, segmentation: str, page: Page, ahead: Mapping[str, tuple[str, int]]
) -> Member:
    """Return a member with its data from Redis, or only the place if the customer was erased since."""
    if looked is None:
        return Member(place.customer, None, None, place.since, None, None)
    policy, customer = page.policy, looked.customer
    return member_of(customer, place.since, segmentation, policy.definitions, policy.shop, ahead.get(customer.id))


def _shown(one: Member, segmentation: str, page: Page) -> dict[str, Any]:
    values = row(one)
    to = values["next_segment"]
    return {
        "customer_id": one.id,
        **{name: values[name] for name in ("since", "name", "last_order")},
        "next_move": None
        if to is None
        else {"to": to, "name": segment_name(segmentation, to, page.policy, page.model), "at": values["next_at"]},
    }


def _csv(rows: Sequence[Sequence[str | None]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([harmless_cell(cell or "") for cell in row] for row in rows)
    return out.getvalue().encode()


async def _body(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FILE_BYTES:
            raise ProblemError(413, "the file is too large", f"send at most {MAX_FILE_BYTES:,} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ProblemError(422, "the file is not UTF-8", "save it as UTF-8") from None
