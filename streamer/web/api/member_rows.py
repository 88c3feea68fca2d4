"""Stream all members of segments as ``streamer segments members`` prints them, in the same order.

The read model returns possible members, so that only those are read from Redis. The same query as the command's decides
who is a member, and in which order. Before that, the read model catches up with everything committed when the request
arrived. What Redis shows was committed, so nobody whom a scan of Redis would find is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from models.rules.declared import load
from models.rules.definitions import Definitions
from schemas.endpoints import MAX_SEGMENTS
from schemas.errors import TransientError, UserError
from schemas.partition import partition_for
from streamer.adapters.redis_reader import ViewReader, totals
from streamer.core.policy import Policy
from streamer.queries.instants import instant
from streamer.queries.members import check_names, members, row, split
from streamer.web.api import parameters
from streamer.web.api.book import Book
from streamer.web.api.problems import ProblemError
from streamer.web.readmodel.feeder import Feeder
from streamer.web.readmodel.reading import Reader

MEDIA: Final = "application/x-ndjson"
_MOST: Final = 1 << 53
_CATCH_UP_SECONDS: Final = 3.0
_ROWS: Final = 200
"""Number of rows sent together."""
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Wanted:
    segments: Sequence[str]
    since: int | None
    limit: int | None


class MemberRows:
    """The handler. ``view`` opens a blocking reader of Redis for one request."""

    def __init__(self, view: Callable[[], ViewReader], book: Book, feeder: Feeder) -> None:
        self._view = view
        self._book = book
        self._feeder = feeder

    async def list(self, request: Request) -> Response:
        """Stream the rows, one JSON object per line. A list that cannot be finished ends without its last chunk."""
        policy = self._book.page.policy
        wanted = _wanted(request, policy)
        if not await self._feeder.catches_up(_CATCH_UP_SECONDS):
            raise TransientError("the read model is behind")
        lines = await asyncio.to_thread(self._lines, wanted, policy)
        return StreamingResponse(iterate_in_threadpool(lines), media_type=MEDIA)

    def _lines(self, wanted: _Wanted, policy: Policy) -> Iterator[bytes]:
        """Start reading, so that a problem is known before the answer begins. The rest is read while it is sent."""
        view = self._view()
        try:
            definitions = _in_force(view, policy)
            known = totals(view.ledgers()).segments
            try:
                check_names(wanted.segments, definitions, known)
            except UserError as error:
                raise ProblemError(400, error.message, error.hint) from None
            segmentations = {one.name for one in definitions.segmentations} | known.keys()
            with closing(Reader(self._feeder.path)) as reader:
                ids = _by_lane(reader, wanted.segments, sorted(segmentations), view.lanes)
        except BaseException:
            view.close()
            raise
        return _rows(view, wanted, definitions, policy, ids)


def _rows(
    view: ViewReader, wanted: _Wanted, definitions: Definitions, policy: Policy, ids: Mapping[int, Sequence[str]]
) -> Iterator[bytes]:
    with closing(view):
        found = members(view, definitions, policy.shop, policy.grid, wanted.segments, wanted.since, ids)
        lines = (_encode(row(one)) + b"\n" for one in islice(found, wanted.limit))
        while chunk := b"".join(islice(lines, _ROWS)):
            yield chunk


def _wanted(request: Request, policy: Policy) -> _Wanted:
    segments = parameters.texts_of(request, "segment", MAX_SEGMENTS)
    limit = parameters.number_of(request, "limit", 1, _MOST, None)
    text = request.query_params.get("since")
    try:
        since = None if text is None else instant(text, policy.grid, "since")
    except UserError as error:
        raise ProblemError(400, error.message, error.hint) from None
    return _Wanted(segments, since, limit)


def _in_force(view: ViewReader, policy: Policy) -> Definitions:
    """Return the segmentations in force now, because those of the page may be some seconds old."""
    newest = view.definitions()
    if newest is None or newest[0] == policy.definitions.version:
        return policy.definitions
    return load(newest[1], newest[0])


def _by_lane(reader: Reader, segments: Sequence[str], every: Sequence[str], lanes: int) -> dict[int, list[str]]:
    """Return ids of possible members by lane, in byte order."""
    ids: set[str] = set()
    for wanted in segments:
        segmentation, segment = split(wanted)
        for one in every if segmentation is None else (segmentation,):
            ids.update(reader.all_members(one, segment))
    found: dict[int, list[str]] = {}
    for id in sorted(ids):
        found.setdefault(partition_for(id.encode(), lanes), []).append(id)
    return found
