"""Return errors as problem responses (RFC 9457): the fault, and how to fix it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import TransientError, UserError
from schemas.screen_text import line

MEDIA = "application/problem+json"
RETRY_SECONDS = 2


class ProblemError(Exception):
    """Raised to end a request with a problem.

    Parameters
    ----------
    hint
        How the caller can fix the problem.
    """

    def __init__(self, status: int, detail: str, hint: str | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = headers


def problem(status: int, detail: str, hint: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": f"/problems/{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": line(detail),
    }
    if hint:
        body["hint"] = line(hint)
    return Response(msgspec.json.encode(body), status, headers, MEDIA)


async def of_error(request: Request, error: Exception) -> Response:
    """Return the response for an exception raised by a handler."""
    if isinstance(error, ProblemError):
        return problem(error.status, error.detail, error.hint, error.headers)
    if isinstance(error, TransientError):
        return problem(503, str(error), "try again", {"retry-after": str(RETRY_SECONDS)})
    assert isinstance(error, UserError)
    return problem(503, error.message, error.hint, {"retry-after": str(RETRY_SECONDS)})
