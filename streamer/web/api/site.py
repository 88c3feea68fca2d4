"""Build the API's routes: a guarded handler for each row of the endpoint table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from schemas import openapi
from schemas.endpoints import ENDPOINTS, Endpoint
from schemas.errors import TransientError, UserError
from streamer.web.api.changes import Stream
from streamer.web.api.customers import Customers
from streamer.web.api.guards import Guard
from streamer.web.api.member_rows import MemberRows
from streamer.web.api.plays import Plays
from streamer.web.api.problems import ProblemError, of_error, problem
from streamer.web.api.segments import Segments
from streamer.web.readmodel.reading import Reader

Handler = Callable[[Request], Awaitable[Response]]
Handle = Callable[[Request, Exception], Awaitable[Response]]


class Readers:
    """Opens the read model and keeps it open until another file replaces it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: tuple[int, Reader] | None = None

    def __call__(self) -> Reader:
        """Return a reader. Raises TransientError while there is no read model."""
        try:
            file = self._path.stat().st_ino
        except FileNotFoundError:
            raise TransientError("the read model is not ready yet") from None
        if self._open is None or self._open[0] != file:
            self.close()
            self._open = file, Reader(self._path)
        return self._open[1]

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def handlers(
    customers: Customers, segments: Segments, rows: MemberRows, stream: Stream, plays: Plays
) -> Mapping[str, Handler]:
    """Return the handler of each endpoint, by the endpoint's id."""
    return {
        "customer": customers.customer,
        "explanation": customers.explanation,
        "history": customers.history,
        "messages": customers.messages,
        "customers": customers.search,
        "segments": segments.list,
        "card": segments.card,
        "members": segments.members,
        "members_csv": segments.members_csv,
        "member_rows": rows.list,
        "flows": segments.flows,
        "changes": stream.changes,
        "segmentations": segments.file,
        "preview": segments.preview,
        "plays": plays.list,
        "play_report": plays.report,
        "play_preview": plays.preview,
    }


def routes(found: Mapping[str, Handler], guard: Guard) -> list[Route]:
    """Return all routes of the API and the route of its document."""
    document = msgspec.json.encode(openapi.document())

    async def describe(request: Request) -> Response:
        return Response(document, media_type="application/json")

    return [
        *(Route(one.path, _Guarded(one, found[one.id], guard), methods=[one.method]) for one in ENDPOINTS),
        Route("/openapi.json", describe),
    ]


class _Guarded:
    """A guarded handler as an ASGI application, which avoids the overhead of a Starlette route."""

    def __init__(self, endpoint: Endpoint, handler: Handler, guard: Guard) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._guard = guard
        self._policy = f'"default";q={2 * guard.limits.rate:g};w=1'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        left = self._guard.admit(request, self._endpoint)
        response = await self._handler(request)
        headers = response.raw_headers
        headers += ((b"ratelimit-policy", self._policy), (b"ratelimit", b'"default";r=%d;t=1' % left))
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        await response(scope, receive, send)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hints = {404: "`/openapi.json` lists what there is", 405: "see `/openapi.json`"}
    headers = dict(error.headers) if error.headers is not None else None
    return problem(error.status_code, str(error.detail), hints.get(error.status_code), headers)


async def _left(request: Request, error: Exception) -> Response:
    """Answer a client that disconnected before sending the whole request, such as an interrupted upload; nobody reads this."""
    return Response(status_code=400)


ERRORS: Final[Mapping[type[Exception], Handle]] = {
    ProblemError: of_error,
    TransientError: of_error,
    UserError: of_error,
    HTTPException: _of_http,
    ClientDisconnect: _left,
}
"""Exception handlers, by type."""
