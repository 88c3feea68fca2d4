"""Verify the signatures of shop webhooks, and select the shipped mapping. Pure functions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import UserError

_TOLERANCE_SECONDS: Final = 300
"""Maximum age of a signed timestamp, in seconds, as in Stripe's own libraries."""

Check = Callable[[bytes, Mapping[str, str], bytes, int], bool]
"""Returns whether a secret signed a body with these headers, at a time (epoch seconds)."""


def _base64_of_body(header: str) -> Check:
    def check(body: bytes, headers: Mapping[str, str], secret: bytes, now: int) -> bool:
        try:
            given = base64.b64decode(headers.get(header, ""), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, hmac.digest(secret, body, hashlib.sha256))

    return check


def _stripe(body: bytes, headers: Mapping[str, str], secret: bytes, now: int) -> bool:
    """Check ``t=TIME,v1=HEX[,v1=HEX]``. The signature covers the time, so a recorded webhook cannot be replayed later."""
    parts = [part.strip().partition("=")[::2] for part in headers.get("stripe-signature", "").split(",")]
    time = next((value for name, value in parts if name == "t"), "")
    if not (time.isascii() and time.isdigit() and len(time) < 12) or abs(now - int(time)) > _TOLERANCE_SECONDS:
        return False
    right = hmac.new(secret, time.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    return any(hmac.compare_digest(right, value.encode()) for name, value in parts if name == "v1")


@dataclass(frozen=True, slots=True)
class Shop:
    """A kind of shop.

    Attributes
    ----------
    mapping
        Shipped mapping that reads its records.
    """

    mapping: str
    check: Check


SHOPS: Final[Mapping[str, Shop]] = {
    "shopify": Shop("shopify-json", _base64_of_body("x-shopify-hmac-sha256")),
    "woocommerce": Shop("woocommerce-json", _base64_of_body("x-wc-webhook-signature")),
    "stripe": Shop("stripe-json", _stripe),
}
"""Shopify: https://shopify.dev/docs/apps/build/webhooks/subscribe/https; WooCommerce:
https://woocommerce.com/document/webhooks/; Stripe: https://docs.stripe.com/webhooks#verify-manually.
"""


def is_genuine(shop: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: int) -> bool:
    """Return whether one of the secrets signed a body."""
    check = SHOPS[shop].check
    return any(check(body, headers, secret.encode(), now) for secret in secrets)


def shop_secrets(text: str) -> dict[str, list[str]]:
    """Parse ``STREAMER_SHOP_SECRETS`` into secrets by shop. Raises UserError.

    >>> shop_secrets("shopify=abc,stripe=whsec_1,stripe=whsec_2")
    {'shopify': ['abc'], 'stripe': ['whsec_1', 'whsec_2']}
    """
    found: dict[str, list[str]] = {}
    for number, part in enumerate(text.split(","), 1):
        name, _, secret = part.strip().partition("=")
        if name not in SHOPS or not secret:
            raise UserError(
                f"STREAMER_SHOP_SECRETS, secret {number} is not SHOP=SECRET", f"shops: {', '.join(sorted(SHOPS))}"
            )
        found.setdefault(name, []).append(secret)
    return found
