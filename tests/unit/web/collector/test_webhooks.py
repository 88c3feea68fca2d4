"""Test shops' webhooks: signatures, and what the shipped mappings make of their records."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from schemas.codec import decode
from schemas.endpoints import COLLECTING
from schemas.errors import UserError
from schemas.events import OrderReversed
from schemas.ids import NOBODY
from schemas.kindly import Reading
from streamer.sources.bodies import Refused
from streamer.sources.json_rows import parsed
from streamer.sources.mapping import load_mapping
from streamer.sources.one_record import bodies_of, guests_of
from streamer.web.collector.webhooks import SHOPS, is_genuine, shop_secrets

NOW = 1_772_366_400
BODY = b'{"id": 7}'


def signed(shop: str, secret: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    if shop == "stripe":
        text = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v0=old,v1={text}"}
    text = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    return {{"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}[shop]: text}


@pytest.mark.parametrize("shop", SHOPS)
def test_only_what_the_secret_signed_is_genuine(shop: str) -> None:
    headers = signed(shop, "right")
    assert is_genuine(shop, BODY, headers, ["right"], NOW)
    assert is_genuine(shop, BODY, headers, ["newer", "right"], NOW), "two secrets while they are changed"
    assert not is_genuine(shop, BODY, headers, ["wrong"], NOW)
    assert not is_genuine(shop, BODY + b" ", headers, ["right"], NOW)
    assert not is_genuine(shop, BODY, {}, ["right"], NOW)
    for broken in ("", "?", "t=,v1=", "t=x,v1=y", "t=99999999999999999999,v1=00"):
        assert not is_genuine(shop, BODY, dict.fromkeys(headers, broken), ["right"], NOW)


def test_a_recorded_webhook_of_stripe_is_too_old() -> None:
    assert is_genuine("stripe", BODY, signed("stripe", "right", at=NOW - 299), ["right"], NOW)
    for at in (NOW - 301, NOW + 301):
        assert not is_genuine("stripe", BODY, signed("stripe", "right", at=at), ["right"], NOW)


def test_secrets_are_found_by_shop() -> None:
    with pytest.raises(UserError):
        shop_secrets("etsy=1")
    with pytest.raises(UserError):
        shop_secrets("shopify=")


def test_the_document_names_every_shop() -> None:
    endpoint = next(one for one in COLLECTING if one.id == "webhook")
    assert sorted(SHOPS) == endpoint.parameters[0].schema["enum"]


SHOPIFY = {
    "id": 450789469, "email": "bob@example.org", "processed_at": "2026-03-01T10:00:00-05:00",
    "updated_at": "2026-03-01T10:05:00-05:00", "currency": "EUR", "financial_status": "paid", "total_price": "199.00",
    "total_discounts": "10.00", "total_tax": "11.94", "customer": {"id": 207119551},
    "line_items": [{"id": 1, "sku": "IPOD", "name": "Pod", "price": "99.50", "quantity": 2}],
}  # fmt: skip
WOOCOMMERCE = {
    "id": 727, "status": "processing", "currency": "EUR", "date_created_gmt": "2026-03-01T15:00:00",
    "date_paid_gmt": "2026-03-01T15:01:00", "date_modified_gmt": "2026-03-01T15:02:00", "total": "29.35",
    "discount_total": "0.00", "shipping_total": "10.00", "total_tax": "1.35", "billing": {"email": "Bob@Example.org"},
    "line_items": [{"id": 315, "name": "Woo", "product_id": 93, "sku": "", "quantity": 2, "price": 9}], "refunds": [],
}  # fmt: skip
STRIPE = {
    "id": "evt_1", "type": "charge.succeeded", "created": 1772377260,
    "data": {"object": {"id": "ch_1", "customer": "cus_1", "created": 1772377200, "amount": 5990, "currency": "eur"}},
}  # fmt: skip


def made(shop: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    read = parsed(json.dumps(record))
    found = bodies_of(read, load_mapping(SHOPS[shop].mapping), "Europe/Berlin", "EUR", NOBODY)
    for one in found:
        decode(None, one)
    return [json.loads(one) for one in found]


def test_an_order_of_each_shop_and_who_bought() -> None:
    (shopify, profile) = made("shopify", SHOPIFY)
    assert (shopify["customer_id"], shopify["order_id"], shopify["total"]) == ("207119551", "450789469", 199.0)
    assert shopify["occurred_at"] == "2026-03-01T15:00:00Z" and shopify["updated_at"] == "2026-03-01T15:05:00Z"
    assert (profile["type"], profile["traits"]) == ("profile.updated", {"email": "bob@example.org"})
    (woo, profile) = made("woocommerce", WOOCOMMERCE)
    assert (woo["customer_id"], woo["order_id"], woo["total"]) == ("bob@example.org", "727", 29.35)
    assert woo["occurred_at"] == "2026-03-01T15:01:00Z" and woo["products"][0]["product_id"] == "93"
    assert profile["traits"] == {"email": "Bob@Example.org"}
    (stripe,) = made("stripe", STRIPE)
    assert (stripe["customer_id"], stripe["total"], stripe["currency"]) == ("cus_1", 59.9, "EUR")


def test_the_same_webhook_gives_the_same_bytes() -> None:
    for shop, record in (("shopify", SHOPIFY), ("woocommerce", WOOCOMMERCE), ("stripe", STRIPE)):
        assert made(shop, record) == made(shop, record)


def test_what_is_no_order_is_left_out() -> None:
    assert made("shopify", {**SHOPIFY, "financial_status": "pending"}) == []
    assert made("woocommerce", {**WOOCOMMERCE, "status": "pending"}) == []
    assert made("stripe", {**STRIPE, "type": "customer.created"}) == []


def test_a_refund_of_woocommerce() -> None:
    refunds = [{"id": 730, "reason": "", "total": "-5.00"}, {"id": 731, "reason": "", "total": "-1.50"}]
    order, given_back, more, _ = made("woocommerce", {**WOOCOMMERCE, "status": "refunded", "refunds": refunds})
    assert (more["refund_id"], more["total"]) == ("731", 1.5)
    assert order["type"] == "order.completed" and order["order_id"] == "727"
    assert (given_back["type"], given_back["refund_id"], given_back["total"]) == ("order.refunded", "730", 5.0)


def test_an_order_of_nobody_says_why() -> None:
    with pytest.raises(Refused) as raised:
        made("shopify", {**SHOPIFY, "customer": None, "email": ""})
    assert raised.value.reason == "no_customer"


@pytest.mark.parametrize(
    ("shop", "record", "types"),
    [
        ("shopify", {**SHOPIFY, "customer": None, "email": ""}, ["order.completed"]),
        ("woocommerce", {**WOOCOMMERCE, "customer_id": 0, "billing": {}}, ["order.completed"]),
        (
            "woocommerce",
            {**WOOCOMMERCE, "billing": {}, "refunds": [{"id": 730, "total": "-5.00"}, {"id": 731, "total": "-1.50"}]},
            ["order.completed", "order.refunded", "order.refunded"],
        ),
    ],
)
def test_an_order_of_a_guest_is_taken_all_the_same(shop: str, record: dict[str, Any], types: list[str]) -> None:
    found = guests_of(parsed(json.dumps(record)), load_mapping(SHOPS[shop].mapping), "UTC", "EUR", NOBODY)
    events = [decode(None, body, reading=Reading()) for body in found]
    assert [one.type for one in events] == types and {one.customer_id for one in events} == {""}
    refunds = [(one.refund_id, one.total) for one in events if isinstance(one, OrderReversed)]
    assert refunds == [("730", 5.0), ("731", 1.5)][: len(types) - 1]
    assert found == guests_of(parsed(json.dumps(record)), load_mapping(SHOPS[shop].mapping), "UTC", "EUR", NOBODY)
