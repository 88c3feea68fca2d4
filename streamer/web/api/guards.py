"""Check every request: its host, its token, and its rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.endpoints import PERMISSIONS, Endpoint, Permission
from streamer.client import home_pass
from streamer.web.api.problems import ProblemError, problem
from streamer.web.api.tokens import Token, Tokens

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NEARBY: Final = Token("this home", "", ("read", "export"), "")
_PUBLIC: Final = ("/u/", "/healthz", "/readyz")
"""Public paths, under any host name of the reverse proxy."""


class KnownHosts:
    """Rejects requests for foreign host names.

    A page on the internet can point its own name to 127.0.0.1 (DNS rebinding); its requests then have that name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in (*LOOPBACK, *hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_PUBLIC):
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
        name, colon, port = host.rpartition(":")
        if (name if colon and port.isdigit() else host) not in self._hosts:
            answer = problem(421, "this host is not served here", "add its name to STREAMER_WEB_HOSTS")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


_ABORT: Final = "streamer.abort"


def cut_off(scope: Scope) -> None:
    """Close a request's connection at once, dropping unsent data."""
    abort = scope.get(_ABORT)
    if abort is not None:
        abort()


class SafeHeaders:
    """Outermost middleware: adds headers that keep browsers from guessing content types and leaking addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Provided by uvicorn, which offers no other way to close a connection that its reader holds open.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope[_ABORT] = getattr(transport, "abort", None)

        async def guarded(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)  # type: ignore[arg-type]

        await self._app(scope, receive, guarded)


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """A token bucket per caller: ``rate`` requests per second, with bursts of twice that."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, callers: int = 10_000) -> None:
        self.rate = rate
        self._clock = clock
        self._callers = callers
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> int:
        """Count a request and return the number left. Raises ProblemError if none is left."""
        now, most = self._clock(), 2 * self.rate
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(most, now)
            if len(self._buckets) > self._callers:
                self._buckets.popitem(last=False)
        bucket.left = min(most, bucket.left + (now - bucket.at) * self.rate)
        bucket.at = now
        if bucket.left < 1:
            raise ProblemError(
                429,
                "too many requests",
                f"this token allows {self.rate:g} requests per second",
                **{"retry-after": "1"},
            )
        bucket.left -= 1
        return int(bucket.left)


class Guard:
    """Authenticates and authorises callers by a token or, if there is one, a pass of ``home`` (`home_pass`)."""

    def __init__(self, tokens: Tokens, limits: Limits, home: Path | None = None) -> None:
        self._tokens = tokens
        self.limits = limits
        self._home = home

    def admit(self, request: Request, endpoint: Endpoint) -> int:
        """Return the caller's remaining requests. Raises ProblemError if the request is not allowed."""
        if endpoint.permission is None:
            return self.limits.take("")
        token = self.token(request)
        left = self.limits.take(token.name)
        require(token, endpoint.permission)
        return left

    def token(self, request: Request) -> Token:
        """Return the caller's token. Raises ProblemError without a known token."""
        given = next((value for name, value in request.scope["headers"] if name == b"authorization"), b"")
        scheme, _, text = given.decode("latin-1").partition(" ")
        return self._known(text.strip() if scheme.lower() == "bearer" else None, "read")

    def admit_text(self, text: str | None, permission: Permission) -> Token:
        """Return the token with this text if it has the permission. Raises ProblemError if the request is not allowed."""
        token = self._known(text, permission)
        self.limits.take(token.name)
        require(token, permission)
        return token

    def _nearby(self, text: str) -> Token | None:
        """Return the permissions of a command of this home."""
        return _NEARBY if self._home is not None and home_pass.admits(self._home, text) else None

    @property
    def origins(self) -> frozenset[str]:
        """Origins of all write keys."""
        return self._tokens.origins

    def _known(self, text: str | None, permission: Permission) -> Token:
        found = None if text is None else self._tokens.of(text) or self._nearby(text)
        if found is None:
            # Unknown tokens share one bucket, so that a flood of guesses costs little.
            self.limits.take("\0unknown")
            raise ProblemError(
                401,
                "this request needs a token",
                f"send `Authorization: Bearer TOKEN`; create one with `streamer tokens create NAME --may {permission}`",
                **{"www-authenticate": "Bearer"},
            )
        return found


def require(token: Token, permission: Permission) -> None:
    """Raise ProblemError if the token lacks a permission."""
    if permission not in token.may:
        raise ProblemError(
            403,
            f"the token {token.name} does not permit this request",
            f"create a token with the permission `{permission}` ({PERMISSIONS[permission]})",
        )
