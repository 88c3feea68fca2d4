"""Handle unsubscribing: ``GET /u/TOKEN`` shows the choices and changes nothing, ``POST`` carries one out (RFC 8058).

Mail scanners follow links, so only a POST changes anything. There are no cookies and no redirects, and a second POST
gets the same answer as the first.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from importlib.resources import files
from typing import Final, Literal, Protocol
from urllib.parse import parse_qs
from uuid import uuid5

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from models.customer.profile import EVERY_LIST
from models.messages import LANGUAGES, Language, messages
from schemas.screen_text import shown_value
from streamer.act.heart.ids import NAMESPACE
from streamer.act.links import BadToken, Links, Ticket

Choice = Literal["list", "all", "not_personal"]
CHOICES: Final[tuple[Choice, ...]] = ("list", "all", "not_personal")
_MOST_BODY: Final = 4_096
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "referrer-policy": "no-referrer",
}


class Events(Protocol):
    """Publishes customers' choices. Each call returns once the broker has acknowledged it."""

    async def leave(self, ticket: Ticket, list: str, event_id: str, at: int) -> None:
        """Publish that the customer unsubscribes from a list."""
        ...

    async def not_personal(self, ticket: Ticket, event_id: str, at: int) -> None:
        """Publish that the customer accepts messages, but none based on behaviour."""
        ...


class RateLimit:
    """Limits the POSTs per minute from one address. Remembers a bounded number of addresses."""

    def __init__(self, most: int = 30, addresses: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._addresses = addresses
        self._clock = clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Count a request from ``address``, and return whether it is within the limit."""
        now = self._clock()
        times = self._seen.setdefault(address, deque())
        self._seen.move_to_end(address)
        while len(self._seen) > self._addresses:
            self._seen.popitem(last=False)
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True


class Unsubscribe:
    """The handlers of ``/u/TOKEN``.

    Parameters
    ----------
    now
        Wall clock, epoch ms.
    usual
        Language for browsers that accept none of ours.
    """

    def __init__(
        self, links: Links, events: Events, now: Callable[[], int], usual: Language, limit: RateLimit | None = None
    ) -> None:
        self._links = links
        self._events = events
        self._now = now
        self._usual = usual
        self._limit = limit or RateLimit()
        source = files("streamer.web").joinpath("pages", "unsubscribe.html").read_text(encoding="utf-8")
        self._page = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, finalize=shown_value
        ).from_string(source)

    async def show(self, request: Request) -> Response:
        """Show the choices. Never changes anything."""
        language = self._language(request)
        texts = messages(language)
        try:
            ticket = self._links.read(request.path_params["token"], self._now())
        except BadToken:
            return self._invalid(language)
        choices = [(choice, texts(f"unsubscribe {choice}", list=ticket.list)) for choice in CHOICES]
        return self._html(language, question=texts("unsubscribe question", list=ticket.list), choices=choices)

    async def take(self, request: Request) -> Response:
        """Carry out a choice. A one-click POST from a mail program means its list."""
        language = self._language(request)
        if not self._limit.allows(request.client.host if request.client else ""):
            return PlainTextResponse("too many requests\n", 429, {**_HEADERS, "retry-after": "60"})
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                return PlainTextResponse("too long\n", 413, _HEADERS)
        token, now = request.path_params["token"], self._now()
        try:
            ticket = self._links.read(token, now)
        except BadToken:
            return self._invalid(language)
        choice = _choice(body)
        if choice is None:
            return PlainTextResponse("choose one\n", 400, _HEADERS)
        # The same link and choice yield the same event, so a repeat changes nothing.
        id = str(uuid5(NAMESPACE, f"{token}/{choice}"))
        if choice == "not_personal":
            await self._events.not_personal(ticket, id, now)
        else:
            await self._events.leave(ticket, EVERY_LIST if choice == "all" else ticket.list, id, now)
        return self._html(language, done=messages(language)(f"unsubscribe done {choice}", list=ticket.list))

    def _invalid(self, language: Language) -> Response:
        """Return the same answer for forged, truncated and expired links."""
        return self._html(language, 404, done=messages(language)("unsubscribe invalid"))

    def _html(
        self,
        language: Language,
        status: int = 200,
        *,
        question: str = "",
        choices: list[tuple[Choice, str]] | None = None,
        done: str = "",
    ) -> Response:
        title = messages(language)("unsubscribe title")
        text = self._page.render(language=language, title=title, question=question, choices=choices or [], done=done)
        return HTMLResponse(text, status, _HEADERS)

    def _language(self, request: Request) -> Language:
        for part in request.headers.get("accept-language", "").lower().split(","):
            for one in LANGUAGES:
                if part.strip().startswith(one):
                    return one
        return self._usual


def _choice(body: bytes) -> Choice | None:
    """Return the choice in a form. RFC 8058 allows both form encodings."""
    form = parse_qs(body.decode("latin-1"))
    if form.get("List-Unsubscribe") == ["One-Click"]:
        return "list"
    if b'name="List-Unsubscribe"' in body and b"One-Click" in body:
        return "list"
    choice = form.get("choice", [""])[0]
    return next((one for one in CHOICES if one == choice), None)
