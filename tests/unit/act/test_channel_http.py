"""Test channel ``http`` on a real server: what is certainly rejected, what may be retried, and what is in doubt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from act_world import HEAD, NOON, SEGMENTS, change, customer, play
from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.errors import UserError
from streamer.act.channels.http import HttpSender
from streamer.act.heart.address import Addresses
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Book, Channel
from streamer.act.plays.declared import load
from streamer.act.render import Draft, Rendered, RenderError, check, render

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BODY = {"to": "+4930123", "template": "SMS_1", "params": {"name": 'Ann "the" Ünique'}}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def yes() -> bool:
    return True


def message() -> Message:
    return Message("m-1", "win_back", 1, "ann", change(), NOON, NOON, NOON, claimed=NOON, attempt=1, trace=TRACE)


def call(handler: Handler, secret: str | None = "word", body: dict[str, Any] = BODY, **options: Any) -> Answer:
    """Make one call to an API that answers as ``handler`` does."""

    async def run() -> Answer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        sender = HttpSender(lambda name: secret)
        try:
            channel = Channel("sms", "http", (), {"url": str(server.make_url("/send")), **options})
            return await sender.send(channel, message(), Rendered("en", {"json": json.dumps(body)}, {}), "", yes)
        finally:
            await sender.close()
            await server.close()

    return asyncio.run(run())


def answering(status: int, body: object = None, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        expected = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=None if body is None else json.dumps(body).encode(), headers=expected)

    return handler


@pytest.mark.parametrize(
    ("status", "kind", "channel_down"),
    [
        (200, "sent", False),
        (202, "sent", False),
        (302, "retry", True),
        (400, "refused", False),
        (401, "retry", True),
        (403, "retry", True),
        (404, "retry", True),
        (409, "retry", True),
        (410, "refused", False),
        (422, "refused", False),
        (429, "retry", True),
        (500, "doubt", True),
        (502, "doubt", True),
        (503, "retry", True),
    ],
)
def test_what_a_status_means(status: int, kind: str, channel_down: bool) -> None:
    answer = call(answering(status, Location="/elsewhere"))
    assert (answer.kind, answer.channel_down) == (kind, channel_down)


def test_the_pause_that_an_api_asks_for_is_kept() -> None:
    assert call(answering(429, Retry_After="120")).after == 120_000
    assert call(answering(503, Retry_After="soon")).after is None


def test_the_api_gets_key_trace_secret_and_the_filled_template() -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response()

    assert call(handler, key_header="Idempotency-Key").kind == "sent"
    headers, body = seen.pop()
    assert headers["Idempotency-Key"] == "m-1" and headers["traceparent"] == TRACE
    assert headers["Authorization"] == "Bearer word" and headers["Content-Type"] == "application/json"
    assert json.loads(body) == BODY
    call(handler, "user:word", auth="basic", encoding="form", body={"to": "+49 30", "n": 3})
    headers, body = seen.pop()
    assert headers["Authorization"] == "Basic dXNlcjp3b3Jk" and body == b"to=%2B49+30&n=3"
    call(handler, auth="X-Api-Key")
    assert seen.pop()[0]["X-Api-Key"] == "word"
    call(handler, None)
    assert "Authorization" not in seen.pop()[0]


def test_an_api_that_says_in_the_body_that_it_refuses() -> None:
    expected: dict[str, Any] = {"success": "result.Code=OK"}
    assert call(answering(200, {"result": {"Code": "OK"}}), **expected).kind == "sent"
    refused = call(answering(200, {"result": {"Code": "isv.BLACK_KEY_CONTROL_LIMIT"}}), **expected)
    assert refused == Answer("refused", "result.Code=isv.BLACK_KEY_CONTROL_LIMIT")
    assert call(answering(200, {"other": 1}), **expected).kind == "doubt"
    assert call(answering(200), **expected).kind == "doubt"


def test_silence_is_doubt_and_no_connection_is_not() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    assert call(slow, timeout=1).kind == "doubt"
    assert call(cut).kind == "doubt"
    assert call(answering(200), url="http://127.0.0.1:9/").kind == "retry"


# -- the file -------------------------------------------------------------------------------------------------

CHANNEL = """
[channels.sms]
kind = "http"
url = "https://sms.example/v1"
{more}
"""
TEMPLATE = '{"to": "{{ address }}", "template": "SMS_1", "params": {"name": "{{ customer.first_name }}", "n": 2}}'


def file(more: str = "", template: str = TEMPLATE) -> Book:
    text = HEAD + CHANNEL.format(more=more) + play(channel="sms")
    return load(text, 1, SEGMENTS, {"win_back.en.json": template})


def test_a_value_cannot_leave_its_field() -> None:
    found = file()
    check(found, found.plays["win_back"])
    ann = customer(first_name='Ann", "template": "SMS_2', phone="+49 30 123")
    made = render(Draft(message(), found, ann, "", "en", "+4930123"))
    assert json.loads(made.parts["json"]) == {
        "to": "+4930123",
        "template": "SMS_1",
        "params": {"name": 'Ann", "template": "SMS_2', "n": 2},
    }
    with pytest.raises(RenderError, match=r"win_back\.en\.json"):
        render(Draft(message(), found, customer(), "", "en"))


def test_a_template_that_is_no_json_or_does_not_compile_is_refused_before_the_start() -> None:
    for template, expected in (('{"to": }', "line 1: Expecting value"), ('{"to": "{% if %}"}', "line 1")):
        found = file(template=template)
        with pytest.raises(UserError, match=expected):
            check(found, found.plays["win_back"])


def test_a_receiver_with_a_key_drops_repeats_and_one_without_does_not() -> None:
    assert not file().channels["sms"].keyed
    assert file('key_header = "Idempotency-Key"').channels["sms"].keyed


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('auth = "X Api Key"', "auth is not a valid header name"),
        ('encoding = "xml"', "encoding cannot be 'xml'"),
        ('success = "OK"', "success cannot be 'OK'"),
    ],
)
def test_options_that_cannot_be_are_named(more: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        file(more)


def test_the_address_is_the_phone_number_unless_the_file_says_otherwise() -> None:
    addresses, sms = Addresses(b"k"), file().channels["sms"]
    assert addresses.of(sms, customer(phone="+49 (30) 12-34")) == "+49301234"
    for odd in ("12", "call me", "+49 30 12 ext 4"):
        assert addresses.of(sms, customer(phone=odd)) is None
    assert addresses.of(sms, customer()) is None
    token: dict[str, Any] = {"custom.push_token": "t:1"}
    app_user = customer(**token)
    assert addresses.of(file('trait = "custom.push_token"').channels["sms"], app_user) == "t:1"
    assert addresses.of(file('to = "all"').channels["sms"], customer()) == ""
