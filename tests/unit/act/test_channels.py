"""Test channels on real servers that misbehave: certain failures and doubtful results stay apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from act_rig import SECRET
from act_world import NOON, book, change
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from streamer.act.channels.smtp import SmtpSender
from streamer.act.channels.webhook import WebhookSender, signed
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.plays.channel_kinds import KINDS
from streamer.act.ports import Begin
from streamer.act.process import senders
from streamer.act.render import Rendered
from streamer.act.secrets import Secrets
from streamer.adapters.kafka import KafkaConnection

RENDERED = Rendered(
    "en",
    {"subject": "Hallo Jürgen 你好", "text": "Grüße\n.\nQUIT\n", "html": "<p>Grüße</p>"},
    {"why": "you are at risk", "customer": {"id": "ann"}},
    "https://hello.shop.example/u/abc",
)


def message() -> Message:
    return Message("m-1", "win_back", 1, "ann", change(), NOON, NOON, NOON, claimed=NOON, attempt=1)


async def yes() -> bool:
    return True


# -- webhook --------------------------------------------------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def post(handler: Handler, begun: Begin = yes, **options: Any) -> Answer:
    """Make one call to a receiver that answers as ``handler`` does."""

    async def run() -> Answer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        sender = WebhookSender(lambda name: [SECRET])
        try:
            channel = Channel("hook", "webhook", (), {"url": str(server.make_url("/hook")), **options})
            return await sender.send(channel, message(), RENDERED, "", begun)
        finally:
            await sender.close()
            await server.close()

    return asyncio.run(run())


def answering(status: int, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return handler


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "sent"), (204, "sent"), (301, "retry"), (400, "retry"), (410, "refused"), (429, "retry"), (500, "retry")],
)
def test_what_a_status_means(status: int, kind: str) -> None:
    answer = post(answering(status, Location="/elsewhere"))
    assert answer.kind == kind and answer.gone is (status == 410)
    assert answer.channel_down is (kind == "retry")


def test_retry_after_is_obeyed_in_seconds_and_as_a_date_within_reason() -> None:
    assert post(answering(429, Retry_After="120")).after == 120_000
    assert post(answering(503, Retry_After="99999999")).after == 86_400_000
    assert post(answering(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")).after == 0
    assert post(answering(503, Retry_After="soon")).after is None
    assert post(answering(500, Retry_After="120")).after is None


def test_the_body_is_signed_and_says_what_happened() -> None:
    taken: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        Webhook(SECRET).verify(body, dict(request.headers))
        taken.append((dict(request.headers), json.loads(body)))
        return web.Response(status=204)

    assert post(handler).kind == "sent"
    headers, body = taken[0]
    assert headers["webhook-id"] == "m-1" == body["data"]["message_id"]
    assert body["type"] == "play.message" and body["data"]["to"] == "at_risk"
    assert body["data"]["why"] == "you are at risk"


def test_two_secrets_sign_both_while_keys_are_changed() -> None:
    from datetime import UTC, datetime

    other = "whsec_b3RoZXI="
    headers = signed("m", b"{}", [SECRET, other], datetime.now(UTC))
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (SECRET, other):
        Webhook(secret).verify(b"{}", headers)


def test_a_slow_a_dripping_and_a_flooding_receiver_do_not_hold_us() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b".")
            await asyncio.sleep(0.1)
        return response

    async def flood(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 10_000_000)

    for handler, kind in ((slow, "retry"), (drip, "sent"), (flood, "sent")):
        assert post(handler, timeout=1).kind == kind


def test_nobody_there_is_a_retry_and_a_lost_lease_makes_no_call() -> None:
    async def run() -> Answer:
        sender = WebhookSender(lambda name: [SECRET])
        channel = Channel("hook", "webhook", (), {"url": "http://127.0.0.1:9/"})
        try:
            return await sender.send(channel, message(), RENDERED, "", yes)
        finally:
            await sender.close()

    assert asyncio.run(run()).kind == "retry"
    calls = []

    async def handler(request: web.Request) -> web.Response:
        calls.append(request)
        return web.Response()

    async def no() -> bool:
        return False

    assert post(handler, no) == Answer("not_begun") and calls == []


# -- smtp -----------------------------------------------------------------------------------------------------


class Script:
    """An SMTP server that answers each verb with a given text, or closes the connection for None."""

    def __init__(self, **replies: str | None) -> None:
        self._replies: dict[str, str | None] = {
            "GREET": "220 hello",
            "EHLO": "250 hello",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "DATA": "354 go on",
            "DOT": "250 taken",
            **replies,
        }
        self.mails: list[bytes] = []
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()
            self.over.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def reply(verb: str) -> bool:
            text = self._replies.get(verb, "250 ok")
            if text is None:
                return False
            writer.write(text.encode() + b"\r\n")
            await writer.drain()
            return True

        if not await reply("GREET"):
            return
        while line := await reader.readline():
            verb = line.split()[0].decode().upper()
            if not await reply(verb):
                return
            if verb == "DATA" and (self._replies["DATA"] or "").startswith("354"):
                body = b""
                while (more := await reader.readline()) != b".\r\n":
                    if not more:
                        return
                    body += more[1:] if more.startswith(b".") else more
                self.mails.append(body)
                if not await reply("DOT"):
                    return


def mail(begun: Begin = yes, **replies: str | None) -> tuple[Answer, list[bytes]]:
    async def run() -> tuple[Answer, list[bytes]]:
        script = Script(**replies)
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        options = {
            "host": "127.0.0.1",
            "port": server.sockets[0].getsockname()[1],
            "from": "Lamp & Leaf <hello@lampleaf.example>",
            "tls": "none",
        }
        try:
            channel = Channel("mail", "smtp", (), options)
            return await SmtpSender(lambda: None).send(
                channel, message(), RENDERED, "ann@example.org", begun
            ), script.mails
        finally:
            server.close()
            await asyncio.wait_for(script.over.wait(), 5)
            await asyncio.sleep(0)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ({"GREET": None}, "retry"),
        ({"GREET": "421 busy"}, "retry"),
        ({"MAIL": None}, "retry"),
        ({"MAIL": "451 later"}, "retry"),
        ({"MAIL": "550 not you"}, "refused"),
        ({"RCPT": None}, "retry"),
        ({"RCPT": "450 greylisted"}, "retry"),
        ({"RCPT": "550 no such mailbox"}, "refused"),
        ({"DATA": None}, "doubt"),
        ({"DATA": "452 full"}, "retry"),
        ({"DATA": "554 no"}, "refused"),
        ({"DOT": None}, "doubt"),
        ({"DOT": "451 later"}, "retry"),
        ({"DOT": "554 spam"}, "refused"),
        ({}, "sent"),
    ],
)
def test_where_a_mail_server_fails_decides_whether_it_may_have_the_mail(
    replies: dict[str, str | None], kind: str
) -> None:
    answer, mails = mail(yes, **replies)
    assert answer.kind == kind
    assert "example.org" not in answer.detail
    if kind in ("retry", "refused") and "DOT" not in replies:
        assert mails == []


def test_a_mail_says_who_writes_how_to_leave_and_has_the_messages_id() -> None:
    answer, [raw] = mail()
    assert answer == Answer("sent", "250")
    found = message_from_bytes(raw, policy=default)
    assert found["Subject"] == "Hallo Jürgen 你好" and found["To"] == "ann@example.org"
    assert found["From"] == "Lamp & Leaf <hello@lampleaf.example>"
    assert found["Message-ID"] == "<m-1@lampleaf.example>"
    assert found["List-Unsubscribe"] == "<https://hello.shop.example/u/abc>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = found.get_body(("plain",))
    assert text is not None and text.get_content().replace("\r\n", "\n") == "Grüße\n.\nQUIT\n"


def test_a_mail_is_not_begun_without_the_lease() -> None:
    async def no() -> bool:
        return False

    answer, mails = mail(no)
    assert answer == Answer("not_begun") and mails == []


def test_a_channel_of_the_file_keeps_its_rates() -> None:
    assert book().channels["mail"].keyed is False and book().channels["hook"].keyed is True


def test_every_kind_of_channel_has_a_sender() -> None:
    assert senders(Secrets(b"key", None, {}), lambda: KafkaConnection("")).keys() == KINDS.keys()
