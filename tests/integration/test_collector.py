"""Test the collector on real servers: what it accepted is applied, by id, and nothing else."""

from __future__ import annotations

import gzip
import hmac
import json
import resource
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from live_service import LiveService
from web_process import Answer, WebProcess, web

from schemas import topics
from streamer.embedded import Services

pytestmark = pytest.mark.integration

PAGE = "https://shop.example"
SLOW = 1_000
"""Connections that send a body and never end it."""
# Both ends are open files, and the web process has this one's limits.
_SOFT, _HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_HARD, max(_SOFT, 4_096)), _HARD))


def at(seconds: float = 60) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def order(number: int, customer: str = "ann", **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"{customer}-{number}",
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": at(),
        "order_id": f"o-{customer}-{number}",
        "total": 10.0,
        "currency": "EUR",
        **more,
    }


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> Iterator[LiveService]:
    addresses = services.addresses
    with LiveService(addresses, f"{addresses.redis}/13", "collector", folder, lanes=2) as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def api(service: LiveService, folder: Path) -> Iterator[WebProcess]:
    with web({**service.environment, "STREAMER_SHOP_SECRETS": "shopify=hush"}, folder / "home") as found:
        yield found


@pytest.fixture(scope="module")
def server(api: WebProcess) -> str:
    return api.tokens.create("server", ["write"], "2026-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def page(api: WebProcess) -> str:
    return api.tokens.create("page", ["write"], "2026-01-01T00:00:00Z", origins=[PAGE])


def send(api: WebProcess, token: str | None, body: object, path: str = "/v1/events", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.ask("POST", path, raw, token, **headers)


def applied(service: LiveService) -> int:
    return sum(ledger.applied for ledger in service.ledgers())


def test_accepted_events_are_applied_and_rejected_ones_say_why(
    api: WebProcess, service: LiveService, server: str
) -> None:
    before = applied(service)
    bad = [
        {**order(3), "total": "much"},
        7,
        order(4, customer_id="", type="page.viewed"),
        {**order(5), "type": "order.shiped"},
    ]
    answer = send(api, server, [order(1), *bad, order(2)])
    assert answer.status == 202
    assert answer.body["accepted"] == 2
    assert [(one["index"], one["event_id"], one["reason"]) for one in answer.body["rejected"]] == [
        (1, "ann-3", "invalid_field"),
        (2, None, "invalid_field"),
        (3, "ann-4", "invalid_field"),
        (4, "ann-5", "unknown_type"),
    ]
    service.wait(lambda: applied(service) == before + 2)
    # A repeat is harmless.
    assert send(api, server, [order(1), order(2)]).body["accepted"] == 2
    assert send(api, server, order(6)).body == {"accepted": 1, "rejected": []}
    service.wait(lambda: applied(service) == before + 3)
    assert sum(ledger.duplicates for ledger in service.ledgers()) >= 2
    assert not any(ledger.dead_letters for ledger in service.ledgers())


def test_a_trace_goes_from_the_request_to_the_changes_on_kafka(
    api: WebProcess, service: LiveService, server: str
) -> None:
    before = applied(service)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert send(api, server, order(1, "traced"), traceparent=trace).body["accepted"] == 1
    service.wait(lambda: applied(service) == before + 1)
    changes = [one for lane in range(service.lanes) for one in service.records(topics.CHANGES, lane)]
    traces = {dict(one.headers).get("traceparent") for one in changes if one.key == b"traced"}
    assert traces == {trace.encode()}


def test_segments_calls_as_its_libraries_send_them(
    api: WebProcess, service: LiveService, server: str, page: str
) -> None:
    before = applied(service)
    basic = "Basic " + b64encode(f"{server}:".encode()).decode()
    batch = {
        "batch": [
            {"type": "track", "event": "Product Viewed", "userId": "bob", "messageId": "b1", "timestamp": at(),
             "properties": {"product_id": "p1"}},
            {"type": "identify", "userId": "bob", "messageId": "b2", "timestamp": at(), "traits": {"email": "b@example.org"}},
            {"type": "group", "userId": "bob", "messageId": "b3", "timestamp": at(), "groupId": "g"},
        ],
        "sentAt": at(0),
    }  # fmt: skip
    packed = gzip.compress(json.dumps(batch).encode())
    answer = send(api, None, packed, "/v1/batch", authorization=basic, content_encoding="gzip")
    assert (answer.status, answer.body["accepted"], [one["event_id"] for one in answer.body["rejected"]]) == (
        200,
        2,
        ["b3"],
    )
    # As sendBeacon does: no custom header, the key in the body, the type text/plain.
    viewed = {"userId": "bob", "messageId": "b4", "timestamp": at(), "writeKey": page, "properties": {}}
    beacon = send(api, None, viewed, "/v1/p", origin=PAGE, content_type="text/plain")
    assert beacon.body == {"accepted": 1, "rejected": []}
    assert beacon.headers["access-control-allow-origin"] == PAGE
    service.wait(lambda: applied(service) == before + 3)


def test_a_page_can_send_what_visitors_do_and_nothing_else(api: WebProcess, service: LiveService, page: str) -> None:
    erase = {"event_id": "x", "type": "customer.erased", "customer_id": "bob", "occurred_at": at()}
    link = {
        "event_id": "y",
        "type": "identity.linked",
        "customer_id": "bob",
        "anonymous_id": "eve",
        "occurred_at": at(),
    }
    consent = {"event_id": "z", "type": "consent.updated", "customer_id": "bob", "occurred_at": at(),
               "personalization": True, "marketing": True, "analytics": True}  # fmt: skip
    answer = send(api, page, [erase, link, consent, order(9)], origin=PAGE)
    assert answer.body["accepted"] == 0
    assert {one["reason"] for one in answer.body["rejected"]} == {"not_allowed"}
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"):
        refused = send(api, page, [], origin=origin)
        assert refused.status == 403 and "access-control-allow-origin" not in refused.headers
    assert send(api, page, []).status == 403
    for path in ("/v1/segments", "/v1/customers/bob", "/v1/segments/lifecycle/new/members.csv", "/v1/changes"):
        assert api.get(path, page, origin=PAGE).status == 403
    assert send(api, page, [], "/v1/outcomes", origin=PAGE).status == 403


def test_browsers_ask_first_and_are_answered_for_listed_origins_only(api: WebProcess, page: str) -> None:
    preflight = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
    allowed = api.ask("OPTIONS", "/v1/t", None, None, origin=PAGE, **preflight)
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, PAGE)
    assert allowed.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in allowed.headers
    foreign = api.ask("OPTIONS", "/v1/t", None, None, origin="https://evil.example", **preflight)
    assert "access-control-allow-origin" not in foreign.headers
    # Only the collector answers pages of another origin.
    assert api.ask("OPTIONS", "/v1/segments", None, None, origin=PAGE, **preflight).status == 405


def test_without_a_key_nothing_is_taken(api: WebProcess) -> None:
    for path in ("/v1/events", "/v1/track", "/v1/b", "/v1/outcomes"):
        answer = send(api, None, {"batch": []}, path)
        assert answer.status == 401 and "streamer tokens create" in answer.body["hint"]
        assert send(api, api.token, {"batch": []}, path).status == 403, "it may read, not write"


def test_outcomes_have_a_permission_of_their_own(api: WebProcess, service: LiveService) -> None:
    before = applied(service)
    provider = api.tokens.create("provider", ["outcomes"], "2026-01-01T00:00:00Z")
    bounce = {"event_id": "bounce-1", "type": "message.outcome", "customer_id": "bob", "occurred_at": at(),
              "message_id": "m1", "change_event_id": "c1", "outcome": "bounced"}  # fmt: skip
    answer = send(api, provider, [bounce, order(1)], "/v1/outcomes")
    assert answer.body["accepted"] == 1 and answer.body["rejected"][0]["reason"] == "not_allowed"
    assert send(api, provider, bounce).status == 403
    service.wait(lambda: applied(service) == before + 1)


def test_a_webhook_of_a_shop_is_taken_once(api: WebProcess, service: LiveService) -> None:
    before = applied(service)
    body = json.dumps({"id": 4507, "processed_at": at(), "updated_at": at(), "currency": "EUR", "total_price": "19.00",
                       "financial_status": "paid", "customer": {"id": 207}, "line_items": []}).encode()  # fmt: skip
    signature = b64encode(hmac.digest(b"hush", body, "sha256")).decode()
    path = "/v1/webhooks/shopify"
    for _ in range(2):
        taken = send(api, None, body, path, x_shopify_hmac_sha256=signature)
        assert (taken.status, taken.body) == (200, {"accepted": 1, "rejected": []})
    service.wait(lambda: applied(service) == before + 1)
    assert send(api, None, body + b" ", path, x_shopify_hmac_sha256=signature).status == 401
    assert send(api, None, body, "/v1/webhooks/stripe").status == 404, "no secret is set"
    assert send(api, None, body, "/v1/webhooks/etsy").status == 404


def test_bombs_depths_and_slow_senders_leave_it_answering(api: WebProcess, server: str) -> None:
    bomb = gzip.compress(b"[" + b"0," * 200_000_000 + b"0]", 1)
    before = memory(api)
    assert send(api, server, bomb, content_encoding="gzip").status == 400
    assert send(api, server, b'{"a":' * 10_000 + b"1" + b"}" * 10_000).status == 400
    assert send(api, server, b"[" * 100_000).status == 400
    assert send(api, server, b"x" * 600_000).status == 400
    slow = []
    for _ in range(SLOW):
        link = socket.create_connection(("127.0.0.1", api.port), timeout=20)
        link.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\nAuthorization: Bearer "
                     + server.encode() + b"\r\n\r\n[")  # fmt: skip
        slow.append(link)
    started = time.monotonic()
    assert send(api, server, order(7)).body["accepted"] == 1
    assert time.monotonic() - started < 5
    grown = memory(api) - before
    assert grown < 64 << 20, f"{grown >> 20} MiB"
    for link in slow:
        link.close()


def memory(api: WebProcess) -> int:
    assert api.process is not None
    status = Path(f"/proc/{api.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


def test_no_key_no_address_and_no_body_is_in_the_log(api: WebProcess, server: str, page: str) -> None:
    send(api, server, {**order(8), "coupon": "SECRET-COUPON", "total": []})
    for text in (server, page, "SECRET-COUPON", "b@example.org", "bob"):
        assert text not in api.log


def test_orders_of_guests_are_summed_apart(api: WebProcess, service: LiveService, server: str) -> None:
    def guests() -> tuple[int, int]:
        held = [one.guests for one in service.ledgers() if one.guests is not None]
        return sum(one.orders for one in held), sum(one.money.get("EUR", 0) for one in held)

    before = guests()
    sent = [order(number, "guest-shop", customer_id=who) for number, who in enumerate((None, "guest", ""))]
    for _ in range(2):
        answer = send(api, server, sent)
        assert answer.body == {"accepted": 3, "rejected": [], "guests": 3}
    deadline = time.monotonic() + 30
    while guests()[0] < before[0] + 3:
        assert time.monotonic() < deadline, "the lanes have not counted them"
        time.sleep(0.05)
    streamer = CommandLine(api.home, {k: v for k, v in api.environment.items() if k.startswith("STREAMER_")})
    status = streamer.json("status")
    assert guests() == (before[0] + 3, before[1] + 3_000) == (status["guest_orders"], status["guest_money"]["EUR"])
    assert (
        status["unaccounted"] == 0 and "orders without a customer, in no other figure" in streamer.run("status").stdout
    )
