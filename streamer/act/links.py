"""Sign links in messages: the token names customer, list and message, so that nobody can unsubscribe others.

It contains no address, no name and no segment, and is valid for `VALID_DAYS` days.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from schemas.errors import StreamerError

VALID_DAYS: Final = 400
_DAY_MS: Final = 86_400_000
_SIGNATURE: Final = 16


class BadToken(StreamerError):
    """Raised for a forged, truncated or expired token, deliberately without telling which."""


class Ticket(msgspec.Struct, array_like=True, frozen=True):
    """The content of a token; ``day`` counts from 1970-01-01."""

    customer: str
    list: str
    message: str
    day: int


@dataclass(frozen=True, slots=True)
class Links:
    """Creates and reads tokens; ``secret`` is STREAMER_LINK_KEY, ``web`` the address of `streamer web`."""

    secret: bytes

    def unsubscribe(self, web: str, customer: str, list: str, message: str, now: int) -> str:
        """Return the address of a customer's unsubscribe page for a list, empty if no web address is known."""
        return f"{web}/u/{self.token(Ticket(customer, list, message, now // _DAY_MS))}" if web else ""

    def token(self, ticket: Ticket) -> str:
        """Return a ticket as signed, URL-safe text."""
        body = msgspec.msgpack.encode(ticket)
        return base64.urlsafe_b64encode(self._signature(body) + body).rstrip(b"=").decode()

    def read(self, token: str, now: int) -> Ticket:
        """Return the ticket of a token. Raises BadToken."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        # Always computed, so that rejecting a forged token takes as long as accepting a valid one.
        signed = hmac.compare_digest(signature, self._signature(body))
        if not signed:
            raise BadToken("the link is not valid")
        ticket = msgspec.msgpack.decode(body, type=Ticket)
        if not 0 <= now // _DAY_MS - ticket.day <= VALID_DAYS:
            raise BadToken("the link is not valid")
        return ticket

    def code(self, message: str) -> str:
        """Return the unguessable part of a generated coupon code, which is the same for a message over retries and restarts."""
        return base64.b32encode(hmac.new(self.secret, b"coupon:" + message.encode(), sha256).digest())[:10].decode()

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self.secret, b"link:" + body, sha256).digest()[:_SIGNATURE]
