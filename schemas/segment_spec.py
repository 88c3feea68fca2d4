"""Twilio Segment's names as aliases: ``track``, ``identify``, ``page``, ``alias`` and its e-commerce events.

Runs only for a ``type`` that is not ours, so bare events pay nothing. An alias is translated to our field names and
then validated like any other body. Names of https://segment.com/docs/connections/spec/ecommerce/v2/ without a
counterpart here (wishlists, coupons, sharing ...) stay unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import from_json

from schemas.events import Traits

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Order Completed": "order.completed",
        "Order Refunded": "order.refunded",
        "Order Cancelled": "order.cancelled",
        "Order Canceled": "order.cancelled",
        "Order Updated": "order.updated",
        "Product Viewed": "product.viewed",
        "Product Clicked": "product.clicked",
        "Product Added": "cart.added",
        "Product Removed": "cart.removed",
        "Checkout Started": "checkout.started",
        "Cart Viewed": "page.viewed",
        "Products Searched": "page.viewed",
        "Product List Viewed": "page.viewed",
        "Product List Filtered": "page.viewed",
        "Email Opened": "email.opened",
        "Email Link Clicked": "email.clicked",
        "Product Reviewed": "feedback.submitted",
        "page": "page.viewed",
        "screen": "page.viewed",
        "identify": "profile.updated",
        "alias": "identity.linked",
    }
)
TAGS: Final[frozenset[str]] = frozenset({*ALIASES, "track"})
"""Values of ``type`` that `translate` knows; a ``track`` call has its name in ``event``."""

TRAITS: Final[frozenset[str]] = frozenset(Traits.__annotations__)
_HELD_ELSEWHERE: Final = frozenset(("createdAt", "created_at", "address", "birthday", "custom"))

_ENVELOPE: Final = ("event_id", "type", "customer_id", "occurred_at", "sent_at", "context", "anonymous_id")


def translate(value: bytes) -> bytes:
    """Return the bare body equivalent to a Segment call.

    Parameters
    ----------
    value
        A JSON object whose ``type`` is among `TAGS`. Our own fields in it, such as those from CloudEvents headers, take
        precedence over Segment's fields of the same meaning.

    Returns
    -------
    A JSON object, which the codec validates. The customer is ``userId``, or ``anonymousId`` without one; an unknown
    name of a ``track`` call becomes its ``type``.
    """
    return json.dumps(as_event(from_json(value))).encode()


def as_event(call: dict[str, Any]) -> dict[str, Any]:
    """Return the bare body equivalent to a parsed Segment call."""
    kind = call["type"]
    name = call.get("event") if kind == "track" else kind
    type = ALIASES.get(name, name) if isinstance(name, str) else name
    properties = _mapping(call.get("properties"))
    body = {name: value for name, value in properties.items() if name not in _ENVELOPE}
    body |= {name: value for name, value in call.items() if name != "properties"}
    body["type"] = type
    _default(body, "event_id", call.get("messageId"), call.get("message_id"))
    _default(body, "customer_id", call.get("userId") or None, call.get("user_id") or None, call.get("anonymousId"))
    _default(body, "occurred_at", call.get("timestamp"), call.get("originalTimestamp"))
    _default(body, "sent_at", call.get("sentAt"))
    if (context := _context(call)) is not None:
        body["context"] = context
    if type == "profile.updated" and not body.get("traits"):
        body["traits"] = _mapping(_mapping(call.get("context")).get("traits"))
    if type == "page.viewed":
        _default(body, "url", _mapping(_mapping(call.get("context")).get("page")).get("url"))
    _MEANINGS.get(str(type), _interaction)(body)
    if type not in ALIASES.values():
        # A custom name of the shop.
        body["properties"] = properties
    return body


def _default(body: dict[str, Any], name: str, *values: Any) -> None:
    """Fill in an absent field with the first of ``values`` that is present."""
    if body.get(name) is None:
        for value in values:
            if value is not None:
                body[name] = value
                return


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _context(call: dict[str, Any]) -> Any:
    """Flatten Segment's nested fields: ``device.type``, ``campaign.name``."""
    given = call.get("context")
    if not isinstance(given, dict):
        return given
    found = {
        "channel": call.get("channel", given.get("channel")),
        "device": _inner(given.get("device"), "type"),
        "locale": given.get("locale"),
        "campaign": _inner(given.get("campaign"), "name"),
        "session_id": given.get("session_id"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else value


# -- meanings of names beyond their fields ------------------------------------------------------------------------


def _interaction(body: dict[str, Any]) -> None:
    _default(body, "product_id", body.get("sku"))


def _order(body: dict[str, Any]) -> None:
    _default(body, "total", body.get("revenue"))
    body["products"] = _lines(body.get("products"))


def _refund(body: dict[str, Any]) -> None:
    """Translate a refund: of its products, of its total, or of the whole order if it has neither."""
    _default(body, "refund_id", body.get("event_id"))
    # ``revenue`` is the order's, not the refund's.
    _default(body, "total", body.get("value"), body.get("amount"))
    lines = body["products"] = _lines(body.get("products"))
    if body.get("total") is None and lines and isinstance(lines, list):
        _default(body, "total", _sum(lines))


def _cancellation(body: dict[str, Any]) -> None:
    """Drop total and products, because Segment repeats the whole order in its cancellation."""
    _default(body, "refund_id", body.get("event_id"))
    if body.get("order_id") is not None:
        body.pop("total", None)
        body.pop("products", None)
    else:
        body["products"] = _lines(body.get("products"))


def _profile(body: dict[str, Any]) -> None:
    traits = dict(_mapping(body.get("traits")))
    address = _mapping(traits.get("address"))
    _default(traits, "signup_at", traits.get("createdAt"), traits.get("created_at"))
    _default(traits, "city", address.get("city"))
    _default(traits, "country", address.get("country"))
    birthday = traits.get("birthday")
    if isinstance(birthday, str) and birthday[:4].isdecimal():
        _default(traits, "birth_year", int(birthday[:4]))
    body["traits"] = _own_under_custom(traits)


def _own_under_custom(traits: dict[str, Any]) -> dict[str, Any]:
    """Return the traits, with those that have no built-in field under ``custom``; non-scalar values are dropped."""
    given = traits.get("custom")
    custom = {
        name: value
        for name, value in traits.items()
        if name not in TRAITS and name not in _HELD_ELSEWHERE and isinstance(value, str | int | float | bool)
    }
    if isinstance(given, dict):
        custom |= given
    found = {name: value for name, value in traits.items() if name in TRAITS}
    return {**found, "custom": custom} if custom else found


def _link(body: dict[str, Any]) -> None:
    _default(body, "anonymous_id", body.get("previousId"))


def _review(body: dict[str, Any]) -> None:
    _default(body, "kind", "review")
    _default(body, "body", body.get("review_body"))
    rating = body.get("rating")
    if isinstance(rating, str):
        try:
            body["rating"] = float(rating)
        except ValueError:
            return


def _lines(products: Any) -> Any:
    """Return the lines, with ``sku`` as ``product_id`` if that is missing."""
    if products is None:
        return []
    if not isinstance(products, list):
        return products
    return [
        {**line, "product_id": line["sku"]}
        if isinstance(line, dict) and line.get("product_id") is None and "sku" in line
        else line
        for line in products
    ]


def _sum(lines: list[Any]) -> float | None:
    """Return the sum of the lines, rounded to five decimals; None if a price is missing or not a number."""
    total = 0.0
    for line in lines:
        price, quantity = _mapping(line).get("price"), _mapping(line).get("quantity")
        if not isinstance(price, int | float) or not isinstance(quantity, int | None):
            return None
        try:
            total += price * (1 if quantity is None else quantity)
        except OverflowError:
            return None
    return round(total, 5)


_MEANINGS: Final = {
    "order.completed": _order,
    "order.updated": _order,
    "order.refunded": _refund,
    "order.cancelled": _cancellation,
    "profile.updated": _profile,
    "identity.linked": _link,
    "feedback.submitted": _review,
}
