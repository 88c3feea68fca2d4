"""Test DKIM: dkimpy verifies a mail accepted by a real SMTP server, and the signature covers both unsubscribe headers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim
import pytest
from act_rig import Postbox
from act_world import NOON, change
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from streamer.act.channels.smtp import SmtpSender
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.render import Rendered

RENDERED = Rendered(
    "zh",
    {"subject": "好久不见 " + "很" * 60, "text": "Grüße\n.\n\nbye  \n", "html": "<p>你好</p>"},
    {},
    "https://hello.lampleaf.example/u/" + "a" * 240 + ".b-c_d",
)
LEAVING = f"\r\nList-Unsubscribe: <{RENDERED.unsubscribe_url}>".encode()
POST = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    made = Postbox(slowest=0.0)
    yield made
    made.stop()


def keys(folder: Path) -> tuple[Path, bytes]:
    """Return a private key in a file, and the DNS record."""
    key = rsa.generate_private_key(65537, 2048)
    path = folder / "dkim.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return path, b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])


def send(port: int, **options: Any) -> Answer:
    channel = Channel(
        "mail",
        "smtp",
        (),
        {
            "host": "127.0.0.1",
            "port": port,
            "from": "Lamp & Leaf <hello@lampleaf.example>",
            "tls": "none",
            **options,
        },
    )
    message = Message("m-1", "win_back", 1, "ann", change(), NOON, NOON, NOON, claimed=NOON, attempt=1)

    async def begun() -> bool:
        return True

    return asyncio.run(SmtpSender(lambda: None).send(channel, message, RENDERED, "ann@example.org", begun))


def test_a_sent_mail_verifies_and_a_changed_one_does_not(postbox: Postbox, tmp_path: Path) -> None:
    path, record = keys(tmp_path)
    answer = send(
        postbox.port,
        dkim={"selector": "s1", "key_file": str(path)},
        unsubscribe_mailbox="leave@lampleaf.example",
    )
    assert answer == Answer("sent", "250")
    (mail,) = postbox.letters
    queried: list[bytes] = []

    def names(name: bytes, timeout: int = 5) -> bytes:
        queried.append(name)
        return record

    assert dkim.verify(mail, dnsfunc=names)
    assert queried == [b"s1._domainkey.lampleaf.example."]
    covered = re.search(rb"h=([^;]+);", mail)
    assert covered is not None
    listed = [one.strip() for one in covered.group(1).lower().replace(b"\r\n", b"").split(b":")]
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"subject"} <= set(listed)
    assert LEAVING + b",\r\n <mailto:leave@lampleaf.example?subject=unsubscribe%20m-1>\r\n" + POST in mail
    for old, new in ((b"One-Click", b"Two-Click"), (b"Date: ", b"Date: S")):
        assert not dkim.verify(mail.replace(old, new, 1), dnsfunc=names)


def test_the_link_to_leave_by_arrives_whole_and_in_plain_text(postbox: Postbox) -> None:
    """Mail programs look for it in the raw header, and offer no one-click for an encoded word."""
    assert send(postbox.port).kind == "sent"
    (mail,) = postbox.letters
    head = mail.split(b"\r\n\r\n", 1)[0]
    assert LEAVING + b"\r\n" + POST in head + b"\r\n"
    assert max(map(len, mail.split(b"\r\n"))) <= 998 and b"Subject: =?utf-8?" in head


def test_a_key_that_cannot_be_read_sends_nothing_and_says_so(postbox: Postbox, tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("no key")
    for path in (tmp_path / "none.pem", odd):
        answer = send(postbox.port, dkim={"selector": "s1", "key_file": str(path)})
        assert answer.kind == "retry" and answer.channel_down and str(path) in answer.detail
    assert postbox.letters == []
