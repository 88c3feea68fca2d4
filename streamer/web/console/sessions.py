"""Control access to the console: one-time links that become cookies, and tokens that protect forms against forgery.

A link is a file named by the hash of its secret. Using it deletes that file, which only one request can do. Sessions
are not stored: a cookie is signed with a key in this folder, so it survives restarts, and deleting the key ends all
sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamer.client import home_pass, presence
from streamer.client.home_pass import FOLDER, write_new
from streamer.config.settings import Settings
from streamer.web.listen import local

COOKIE: Final = "streamer_console"
SESSION_SECONDS: Final = 30 * 86_400
LINK_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Session:
    """A session opened by a link. ``csrf`` is the token in its forms."""

    csrf: str


class Sessions:
    """Links and sessions of one STREAMER_HOME. Every process that can write to the folder can create links.

    Parameters
    ----------
    clock
        Returns the seconds since the epoch.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._links = home / FOLDER / "links"
        self._clock = clock

    def link(self) -> str:
        """Create a link and return its secret, valid once within a day."""
        self._links.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        secret = secrets.token_urlsafe(24)
        write_new(self._links / _hash(secret), str(int(self._clock())).encode())
        return secret

    def redeem(self, secret: str) -> str | None:
        """Return the cookie of a new session; None if there is no such link or it was used."""
        place = self._links / _hash(secret)
        try:
            made = int(place.read_bytes())
            place.unlink()
        except (OSError, ValueError):
            return None
        if self._clock() - made > LINK_SECONDS:
            return None
        body = f"{int(self._clock())}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._signed('session', body)}"

    def of(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None if it is forged or expired."""
        body, _, signature = (cookie or "").rpartition(".")
        made, _, _ = body.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signed("session", body).encode()):
            return None
        if not 0 <= self._clock() - int(made) <= SESSION_SECONDS:
            return None
        return Session(self._signed("form", body))

    def _signed(self, what: str, body: str) -> str:
        return home_pass.signed(self._home, what, body)

    def _sweep(self) -> None:
        """Delete expired links."""
        for one in self._links.iterdir():
            with suppress(OSError):
                if self._clock() - one.stat().st_mtime > LINK_SECONDS:
                    one.unlink()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def console_url(settings: Settings) -> str:
    """Return the console's URL with a new link, for the process that serves this home, else for the next one."""
    return f"{_address(settings)}/enter?once={Sessions(settings.home).link()}"


def is_served(settings: Settings) -> bool:
    """Return whether a server answers at the console's address."""
    try:
        with urllib.request.urlopen(f"{_address(settings)}/healthz", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _address(settings: Settings) -> str:
    return presence.url_of(settings.home) or f"http://{local(settings.web_host)}:{settings.web_port}"
