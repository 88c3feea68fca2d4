"""Requests the members of segments from a web process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from schemas.errors import TransientError, UserError

PATH: Final = "/v1/members"
_SECONDS: Final = 60.0
"""Timeout of a read of the answer, in seconds."""
Row = Mapping[str, str | None]


def members(
    url: str,
    bearer: str,
    segments: Sequence[str],
    since: str | None,
    limit: int | None,
    columns: Sequence[str],
    *,
    nearby: bool = False,
) -> list[Row]:
    """Return the rows of the members, in the order of a scan of Redis.

    The list is complete, or an error is raised.

    Parameters
    ----------
    bearer
        A token, or a pass of the home (`home_pass`).
    since
        A day or an RFC 3339 time.
    columns
        Names of the values of a row.
    nearby
        Whether the process is this home's: no proxy is used, and the Host header is one that the process accepts at any
        address.

    Raises
    ------
    UserError
        The request is invalid or not allowed.
    TransientError
        The process does not answer, ended the answer early, or belongs to another release.
    """
    wanted = [("segment", one) for one in segments]
    wanted += [(name, str(value)) for name, value in (("since", since), ("limit", limit)) if value is not None]
    headers = {"Authorization": f"Bearer {bearer}", **({"Host": "localhost"} if nearby else {})}
    try:
        request = Request(f"{_checked(url)}{PATH}?{urlencode(wanted)}", headers=headers)
        opener = build_opener(_Stays, *([ProxyHandler({})] if nearby else []))
        with opener.open(request, timeout=_SECONDS) as answer:
            # Read the whole answer before printing, because a truncated list looks like a short one.
            body: bytes = answer.read()
    except HTTPError as error:
        raise _problem(error) from None
    except URLError as error:
        raise TransientError(f"{url} does not answer: {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise TransientError(f"{url} closed the connection: {error!r}") from None
    try:
        return [_row(line, columns) for line in body.splitlines()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TransientError(f"{url} runs an incompatible release") from None


class _Stays(HTTPRedirectHandler):
    """Follows no redirect, because the token would be sent along."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"{url} is not the address of a web process", "use the form https://segments.shop.example")
    return url.rstrip("/")


def _problem(error: HTTPError) -> UserError | TransientError:
    """Return the problem that the process described, or an error that the address is not a process of ours."""
    with error:
        said = _body(error)
    detail, hint = str(said.get("detail") or f"status {error.code}"), str(said.get("hint") or "")
    if said and error.code in (400, 401, 403, 421):
        return Refused(detail, hint, error.code)
    return TransientError(f"{detail} ({hint})" if hint else detail)


class Refused(UserError):
    """The process rejected the request; ``status`` 400 means that the request itself is invalid."""

    def __init__(self, message: str, hint: str, status: int) -> None:
        super().__init__(message, hint)
        self.status = status


def _body(answer: IO[bytes]) -> dict[str, Any]:
    try:
        found = json.loads(answer.read(100_000))
    except (ValueError, OSError, HTTPException):
        return {}
    return found if isinstance(found, dict) else {}


def _row(line: bytes, columns: Sequence[str]) -> Row:
    found = json.loads(line)
    return {name: _text(found[name]) for name in columns}


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value
