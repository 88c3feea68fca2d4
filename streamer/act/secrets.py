"""Load secrets of ``act``: the key of links and address hashes, the mail server's password, webhook and API secrets."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import UserError
from streamer.embedded.key_file import own_key

if TYPE_CHECKING:
    from streamer.config.settings import Settings

KEY_FILE = "link.key"
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class Secrets:
    """All secrets of channels and links: webhook secrets by channel, newest first, and API secrets by channel."""

    link_key: bytes
    smtp_password: str | None
    webhooks: Mapping[str, Sequence[str]]
    http: Mapping[str, str] = field(default_factory=dict)

    def of_webhook(self, channel: str) -> Sequence[str]:
        """Return the secrets of a channel. Raises UserError if there is none."""
        found = self.webhooks.get(channel)
        if not found:
            raise UserError(
                f"the webhook channel {channel} has no secret", f"set STREAMER_WEBHOOK_SECRETS={channel}=whsec_..."
            )
        return found


def load(settings: Settings) -> Secrets:
    """Load the secrets in force, creating the key of links if there is none. Raises UserError."""
    password, hooks, apis = settings.smtp_password, settings.webhook_secrets, settings.http_secrets
    given, hint = settings.link_key, "set STREAMER_LINK_KEY, or STREAMER_HOME"
    return Secrets(
        own_key(settings.home, KEY_FILE, hint) if given is None else given.get_secret_value().encode(),
        None if password is None else password.get_secret_value(),
        {} if hooks is None else webhook_secrets(hooks.get_secret_value()),
        {} if apis is None else http_secrets(apis.get_secret_value()),
    )


def webhook_secrets(text: str) -> dict[str, list[str]]:
    """Parse webhook secrets by channel. Raises UserError.

    >>> webhook_secrets("shop=whsec_bmV3,shop=whsec_b2xk")
    {'shop': ['whsec_bmV3', 'whsec_b2xk']}
    """
    found: dict[str, list[str]] = {}
    for number, part in enumerate(text.split(","), 1):
        name, _, secret = part.strip().partition("=")
        try:
            plain = b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
        except binascii.Error:
            plain = b""
        if not name or not plain:
            raise UserError(
                f"STREAMER_WEBHOOK_SECRETS, secret {number} is not NAME=whsec_...",
                "create one with: echo whsec_$(openssl rand -base64 24)",
            )
        found.setdefault(name, []).append(secret)
    return found


def http_secrets(text: str) -> dict[str, str]:
    """Parse API secrets by channel. Raises UserError.

    >>> http_secrets("sms=abc,push=user:word")
    {'sms': 'abc', 'push': 'user:word'}
    """
    found = {}
    for number, part in enumerate(text.split(","), 1):
        name, _, secret = part.strip().partition("=")
        if not name or not secret:
            raise UserError(
                f"STREAMER_HTTP_SECRETS, secret {number} is not NAME=SECRET",
                ("for example: STREAMER_HTTP_SECRETS=sms=abc"),
            )
        found[name] = secret
    return found
