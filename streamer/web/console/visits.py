"""Represent one page request: session, language, scheme, and the response."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from models.messages import LANGUAGES, Messages, messages
from schemas.errors import TransientError, UserError
from streamer.config.settings import Settings
from streamer.web.api.book import Book
from streamer.web.api.problems import ProblemError
from streamer.web.console.assets import Assets
from streamer.web.console.choices import SCHEMES, Scheme, address, language_of, own_path, remember, scheme_of
from streamer.web.console.errors import said
from streamer.web.console.forms import MOST_FIELDS, MOST_FORM, form_of
from streamer.web.console.sessions import COOKIE, SESSION_SECONDS, Session, Sessions
from streamer.web.console.words import Words

NAV: Final = (
    ("overview", "/"),
    ("segments", "/segments"),
    ("customers", "/customers"),
    ("plays", "/plays"),
    ("models", "/models"),
    ("data", "/data"),
    ("health", "/health"),
)
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
_RETRY_SECONDS: Final = 3


@dataclass(frozen=True)
class Visit:
    """A request with a valid session."""

    request: Request
    texts: Messages
    scheme: Scheme
    session: Session
    site: Site

    @cached_property
    def now(self) -> int:
        """Return the wall clock (epoch ms)."""
        return time.time_ns() // 1_000_000

    @cached_property
    def words(self) -> Words:
        """Return the words for the service's newest state, for this reader. Raises TransientError before the first state."""
        return Words(self.texts, self.site.book.page, self.site.zone, self.site.settings.currency)

    def clock(self, at: int) -> str:
        """Return the time of an instant (ms) today in the shop's zone, otherwise its day and minute.

        Works without any state.
        """
        local = datetime.fromtimestamp(at / 1000, self.site.zone)
        today = local.date() == datetime.fromtimestamp(self.now / 1000, self.site.zone).date()
        return local.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")

    def moment(self, at: int) -> str:
        """Return the day and minute of an instant (ms)."""
        return datetime.fromtimestamp(at / 1000, self.site.zone).strftime("%Y-%m-%d %H:%M")

    def html(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page, or a part of one."""
        return self.site.html(self.request, self.texts, self.scheme, template, status, csrf=self.session.csrf, **values)

    def back(self, path: str, note: str) -> Response:
        """Redirect to a page that then confirms the action; ``note`` is the end of a catalogue key."""
        to = f"{path}?note={quote(note, safe='')}"
        # A script that requested a part of this page would follow a redirect and look for that part there.
        return (
            Response(headers={"hx-redirect": to}) if "hx-request" in self.request.headers else RedirectResponse(to, 303)
        )

    def note(self, *known: str) -> str:
        """Return the action to confirm if it is one of ``known``, else an empty text."""
        chosen = self.request.query_params.get("note", "")
        return self.texts(f"console done {chosen}") if chosen in known else ""

    def problem(self, status: int, message: str, hint: str | None) -> Response:
        """Return a page about an error, in the reader's language."""
        texts = self.texts
        return self.html("problem.html", status, title=said(message, texts), hint=said(hint or "", texts), retry=0)

    def gone(self, what: str) -> Response:
        """Return a 404 response; ``what`` is a catalogue text."""
        return self.html("problem.html", 404, title=self.texts(what), hint=self.texts("console gone hint"), retry=0)


Page = Callable[[Visit], Awaitable[Response]]
Form = Callable[[Visit, Mapping[str, str]], Awaitable[Response]]


@dataclass(frozen=True)
class Site:
    """State shared by all pages."""

    settings: Settings
    zone: ZoneInfo
    book: Book
    sessions: Sessions
    assets: Assets
    templates: jinja2.Environment

    def page(self, handler: Page) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler for visitors with a session. Others see how to get one."""

        async def handle(request: Request) -> Response:
            texts, scheme = language_of(request, self.settings.language), scheme_of(request)
            session = self.sessions.of(request.cookies.get(COOKIE))
            if session is None:
                return self._stranger(request, texts, scheme)
            visit = Visit(request, texts, scheme, session, self)
            try:
                response = await handler(visit)
            except TransientError as error:
                response = visit.html(
                    "problem.html",
                    503,
                    title=said(str(error), texts),
                    hint=texts("console again"),
                    retry=_RETRY_SECONDS,
                )
            except UserError as error:
                response = visit.problem(503, error.message, error.hint)
            except ProblemError as error:
                response = visit.problem(error.status, error.detail, error.hint)
            except HTTPException as error:
                response = visit.problem(error.status_code, error.detail, "")
            remember(request, response)
            return response

        return handle

    def form(
        self, handler: Form, most: int = MOST_FORM, fields: int = MOST_FIELDS
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler for our own forms of at most ``most`` bytes. Rejects forged forms."""

        async def take(visit: Visit) -> Response:
            values = await form_of(visit.request, most, fields)
            if not hmac.compare_digest(values.get("csrf", "").encode(), visit.session.csrf.encode()):
                title, hint = visit.texts("console form title"), visit.texts("console form hint")
                return visit.html("problem.html", 403, title=title, hint=hint, retry=0)
            try:
                return await handler(visit, values)
            except UserError as error:
                return visit.problem(409, error.message, error.hint)

        return self.page(take)

    async def enter(self, request: Request) -> Response:
        """Exchange the link in ``/enter?once=`` for a session, and continue to the requested page."""
        texts, scheme = language_of(request, self.settings.language), scheme_of(request)
        cookie = self.sessions.redeem(request.query_params.get("once", ""))
        if cookie is None:
            return self._stranger(request, texts, scheme, used=True)
        # Not a redirect, because a browser coming from another site would not send a strict cookie with it.
        response = self.html(
            request, texts, scheme, "entered.html", 200, to=own_path(request.query_params.get("to", "/"))
        )
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def html(
        self, request: Request, texts: Messages, scheme: Scheme, template: str, status: int = 200, **values: Any
    ) -> Response:
        """Return a rendered template."""
        found = self.templates.get_template(template).render(
            t=texts,
            language=texts.language,
            languages=[(one, messages(one)("language")) for one in LANGUAGES],
            scheme=scheme,
            schemes=SCHEMES,
            nav=NAV,
            path=request.url.path,
            here=lambda **changed: address(request, changed),
            assets=self.assets,
            **values,
        )
        return HTMLResponse(found, status, HEADERS)

    def _stranger(self, request: Request, texts: Messages, scheme: Scheme, used: bool = False) -> Response:
        # A strict cookie is not sent when a link on another site leads here, but is when the page reloads itself.
        cross = request.headers.get("sec-fetch-site") == "cross-site" and not used
        again = address(request, {}) if cross else ""
        return self.html(request, texts, scheme, "stranger.html", 401, used=used, again=again)
