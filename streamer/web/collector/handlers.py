"""Handle the collector's endpoints: read, validate, publish, and return which events were accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.messages import messages
from models.messages.translatable import in_language
from schemas.collector import MAX_CALL_BYTES, MAX_WEBHOOK_BYTES
from schemas.endpoints import COLLECTING, Permission
from schemas.errors import InvalidEvent, TransientError
from streamer.core.policy import Policy
from streamer.sources.bodies import Refused
from streamer.sources.json_rows import parsed
from streamer.sources.mapping import load_mapping
from streamer.sources.one_record import bodies_of, guests_of
from streamer.telemetry.tracing import Tracing
from streamer.web.api.guards import Guard
from streamer.web.api.problems import ProblemError, of_error
from streamer.web.api.tokens import Token
from streamer.web.collector import calls
from streamer.web.collector.calls import Body
from streamer.web.collector.judging import Judged, judge
from streamer.web.collector.request import body_of, key_of
from streamer.web.collector.webhooks import SHOPS, is_genuine
from streamer.web.publisher import Publisher

log = structlog.get_logger(__name__)
_encode: Final = msgspec.json.Encoder().encode
_SHOP: Final = Token("", "", ("write",), "")
"""A webhook with a valid signature may send whatever its mapping yields."""
_OUTCOMES: Final = frozenset(("message.outcome",))

Handler = Callable[[Request], Awaitable[Response]]


class Counts(Protocol):
    """Counts accepted events."""

    def took(self, source: str, judged: Judged) -> None: ...


class Collector:
    """Accepts events.

    Parameters
    ----------
    policy
        The lanes' policy.
    now_ms
        Wall clock.
    shops
        Secrets of the shops whose webhooks are accepted.
    tracing
        Creates each request's span, whose trace context its records carry.
    """

    def __init__(
        self,
        guard: Guard,
        publisher: Publisher,
        policy: Policy,
        now_ms: Callable[[], int],
        counts: Counts,
        shops: Mapping[str, Sequence[str]],
        tracing: Tracing | None = None,
    ) -> None:
        self._guard = guard
        self._publisher = publisher
        self._policy = policy
        self._now_ms = now_ms
        self._counts = counts
        self._shops = shops
        self._tracing = tracing or Tracing()
        self._mappings = {shop: load_mapping(SHOPS[shop].mapping) for shop in shops}

    async def events(self, request: Request) -> Response:
        """Accept one event or a list of them, in our format or as CloudEvents."""
        token = self._admit(request, key_of(request), "write")
        found = calls.events_of(await body_of(request), request.headers)
        largest = MAX_CALL_BYTES if token.origins else self._policy.max_event_bytes
        return await self._take(request, found, token, "events", 202, largest=largest)

    async def outcomes(self, request: Request) -> Response:
        """Accept message outcomes, as reported by a mail provider."""
        token = self._admit(request, key_of(request), "outcomes")
        found = calls.events_of(await body_of(request), request.headers)
        return await self._take(request, found, token, "outcomes", 202, largest=MAX_CALL_BYTES, only=_OUTCOMES)

    def segment(self, kind: str) -> Handler:
        """Return the endpoint of one of Segment's calls."""

        async def handle(request: Request) -> Response:
            key = key_of(request)
            token = None if key is None else self._admit(request, key, "write")
            body = calls.parsed(await body_of(request))
            if token is None:
                token = self._admit(request, key_of(request, body), "write")
            now = self._now_ms()
            return await self._take(
                request,
                calls.calls_of(body, kind, now),
                token,
                "segment",
                200,
                largest=MAX_CALL_BYTES,
                sent_ms=calls.sent_ms(body) if token.origins else None,
            )

        return handle

    async def webhook(self, request: Request) -> Response:
        """Accept an order or a payment, as reported by a shop."""
        shop = request.path_params["shop"]
        self._guard.limits.take(f"\0{shop}" if shop in SHOPS else "\0unknown")
        if shop not in self._mappings:
            raise ProblemError(
                404,
                "webhooks from this shop system are not enabled",
                f"set STREAMER_SHOP_SECRETS=SHOP=SECRET, where SHOP is one of {', '.join(sorted(SHOPS))}",
            )
        body = await body_of(request, MAX_WEBHOOK_BYTES)
        now = self._now_ms()
        if not is_genuine(shop, body, request.headers, self._shops[shop], now // 1_000):
            raise ProblemError(
                401,
                "the signature is invalid or too old",
                ("check that STREAMER_SHOP_SECRETS matches the secret in the shop"),
            )
        found = self._mapped(shop, body)
        return await self._take(request, found, _SHOP, shop, 200, largest=self._policy.max_event_bytes)

    def _mapped(self, shop: str, body: bytes) -> list[Body]:
        """Return the events of a webhook, including guest orders. An unreadable event is rejected with its reason."""
        calls.parsed(body)
        reading = self._policy
        record, mapping = parsed(body.decode()), self._mappings[shop]
        how = (mapping, reading.grid.zone, reading.rates.base, reading.nobody)
        try:
            found = bodies_of(record, *how)
        except Refused as refused:
            if guests := guests_of(record, *how):
                return [Body(value) for value in guests]
            message = str(in_language(refused.message, messages(reading.language)))
            log.warning("rejected an unreadable webhook", shop=shop, reason=refused.reason, why=message)
            return [Body(b"", InvalidEvent(refused.reason, message))]
        return [Body(value) for value in found]

    def _admit(self, request: Request, text: str | None, permission: Permission) -> Token:
        token = self._guard.admit_text(text, permission)
        origin = request.headers.get("origin")
        if token.origins and origin not in token.origins:
            raise ProblemError(
                403,
                f"the write key {token.name} is not valid for this origin",
                "use it only on the pages it was created for; from a server, use a token with the permission write",
            )
        return token

    async def _take(
        self, request: Request, found: list[Body], token: Token, source: str, status: int, *, largest: int, **how: Any
    ) -> Response:
        with self._tracing.request(f"POST {request.url.path}", request.headers) as trace:
            judged = judge(found, token, self._policy, self._now_ms(), largest=largest, **how)
            await self._publisher.append(judged.records, trace)
        self._counts.took(source, judged)
        return _receipt(judged, status)


def _receipt(judged: Judged, status: int) -> Response:
    body: dict[str, Any] = {"accepted": len(judged.records), "rejected": judged.rejected}
    if judged.guests:
        body["guests"] = judged.guests
    return Response(_encode(body), status, media_type="application/json")


def allowed(handler: Handler, origins: Callable[[], frozenset[str]]) -> Handler:
    """Add CORS headers to a handler's answers, including errors, for pages of listed origins."""

    async def handle(request: Request) -> Response:
        try:
            response = await handler(request)
        except (ProblemError, TransientError) as error:
            response = await of_error(request, error)
        response.headers.update(cors(request, origins()))
        return response

    return handle


def preflight(origins: Callable[[], frozenset[str]]) -> Handler:
    """Return a handler that answers a browser's CORS preflight request."""

    async def handle(request: Request) -> Response:
        headers = cors(request, origins())
        if len(headers) > 1:
            headers["access-control-allow-methods"] = "POST"
            headers["access-control-allow-headers"] = "authorization, content-type, content-encoding"
            headers["access-control-max-age"] = "86400"
        return Response(status_code=204, headers=headers)

    return handle


def cors(request: Request, origins: frozenset[str]) -> dict[str, str]:
    """Return the CORS headers that let a page of a listed origin read an answer."""
    origin = request.headers.get("origin")
    if origin is None or origin not in origins:
        return {"vary": "Origin"}
    return {"vary": "Origin", "access-control-allow-origin": origin}


def handlers(collector: Collector) -> Mapping[str, Handler]:
    """Return the handler of each endpoint, by the endpoint's id."""
    segment = {kind: collector.segment(kind) for kind in calls.KINDS.values()}
    return {
        "collect": collector.events,
        "outcomes": collector.outcomes,
        "webhook": collector.webhook,
        **segment,
        **{f"{kind}_short": segment[kind] for kind in segment},
    }


def routes(collector: Collector, origins: Callable[[], frozenset[str]]) -> list[Route]:
    """Return the collector's routes; ``origins`` returns the origins of all write keys."""
    found, before = handlers(collector), preflight(origins)
    return [
        route
        for one in COLLECTING
        for route in (
            Route(one.path, allowed(found[one.id], origins), methods=["POST"]),
            Route(one.path, before, methods=["OPTIONS"]),
        )
    ]
