"""Determine a reader's chosen language and colour scheme, and build URLs that keep the choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from models.messages import LANGUAGES, Messages, messages

Scheme = Literal["auto", "light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("auto", "light", "dark")

_LANGUAGE: Final = "streamer_language"
_SCHEME: Final = "streamer_scheme"
_YEAR_SECONDS: Final = 365 * 86_400


def language_of(request: Request, usual: str) -> Messages:
    """Return the messages in the requested language, else the one chosen earlier, else the ``usual`` one."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(_LANGUAGE), usual):
        for one in LANGUAGES:
            if chosen == one:
                return messages(one)
    return messages()


def scheme_of(request: Request) -> Scheme:
    """Return light or dark, as chosen by this request or an earlier one."""
    chosen = request.query_params.get("scheme", request.cookies.get(_SCHEME))
    return next((one for one in SCHEMES if one == chosen), "auto")


def remember(request: Request, response: Response) -> None:
    """Store language and scheme if this request chose one."""
    for name, cookie, known in (("lang", _LANGUAGE, LANGUAGES), ("scheme", _SCHEME, SCHEMES)):
        chosen = request.query_params.get(name)
        if chosen in known:
            response.set_cookie(cookie, str(chosen), max_age=_YEAR_SECONDS, samesite="strict")


def address(request: Request, changed: Mapping[str, object]) -> str:
    """Return the URL of this page with some parameters changed; None removes a parameter."""
    url = request.url
    kept = {name: value for name, value in request.query_params.items() if changed.get(name, "") is not None}
    query = {**kept, **{name: value for name, value in changed.items() if value is not None}}
    text = "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in query.items())
    return quote(url.path, safe="/") + (f"?{text}" if text else "")


def own_path(text: str) -> str:
    """Return a path on this site. Any other target becomes the first page.

    >>> own_path("/segments?by=value"), own_path("//evil.example"), own_path("https://evil.example"), own_path("/\\\\evil")
    ('/segments?by=value', '/', '/', '/')
    """
    return text if text.startswith("/") and text[1:2] not in ("/", "\\") and text.isprintable() else "/"
