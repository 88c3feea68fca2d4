"""Test ``docs/plays.md`` as a new user follows it: every command of its first part, in order, in one shell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.request import urlopen

import pytest
from act_rig import free_port
from live_service import LiveService
from page_commands import sh_blocks, started

from schemas.topics import EVENTS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "plays.md"
SECONDS = 180


def script(mail_port: int, web_port: int) -> str:
    """Run all `sh` blocks in one shell, with our own ports."""
    page = PAGE.read_text().replace("8025", str(mail_port))
    blocks = sh_blocks(page)
    blocks[0] += f"sed -i 's/8025/{mail_port}/; s/8480/{web_port}/' plays.toml\n"
    return "set -e\n" + "".join(blocks)


def noon() -> str:
    """Return a time zone in which it is about noon now, so that no mail waits for the morning."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+}"


def test_ten_commands_lead_from_a_table_to_a_mail() -> None:
    first = PAGE.read_text().split("## From now on")[0]
    commands = [line for block in sh_blocks(first) for line in block.splitlines()]
    assert len(commands) == 10, commands


def test_the_page_leads_to_a_mail_and_out_of_the_list(service: LiveService, tmp_path: Path) -> None:
    service.environment["STREAMER_TIMEZONE"] = noon()
    service.start()
    desk = tmp_path / "shop"
    desk.mkdir()
    (tmp_path / "streamer").symlink_to(ROOT)
    web_port = free_port()
    environment = {
        **service.environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "STREAMER_WEB_PORT": str(web_port),
        "STREAMER_ACT_METRICS_PORT": "0",
        "NO_COLOR": "1",
    }
    log = tmp_path / "page.log"
    with started(script(free_port(), web_port), desk, environment, log) as shell:
        code = shell.wait(SECONDS)
        logged = log.read_text() + service.logs()
        assert code == 0, logged
        mails = {mail["To"]: mail for mail in read(desk / "plays" / "mailbox")}
        assert set(mails) == {"ann@example.org", "ben@example.org", "me@example.org"}, logged
        assert mails["ben@example.org"]["Subject"] == "Thank you for your first order at Lamp & Leaf"
        assert "/u/trial" in mails["me@example.org"]["List-Unsubscribe"]
        assert "all right" in logged
        leave(mails["ann@example.org"], f"http://127.0.0.1:{web_port}/u/")
        events = [json.loads(one.value) for lane in range(service.lanes) for one in service.records(EVENTS, lane)]
        left = [one for one in events if one.get("type") == "subscription.updated"]
        assert [(one["customer_id"], one["list"], one["subscribed"]) for one in left] == [("ann", "offers", False)]


def leave(mail: EmailMessage, base: str) -> None:
    """Follow the link of a mail's header as mail programs do; the mail's text has the same link."""
    link = mail["List-Unsubscribe"].strip().strip("<>")
    text = mail.get_body(("plain",))
    assert link.startswith(base) and text is not None and link in text.get_content()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with urlopen(link, b"List-Unsubscribe=One-Click", 10) as answer:
        assert answer.status == 200


def read(mailbox: Path) -> Iterator[EmailMessage]:
    """Return all mails of a Maildir."""
    for path in sorted((mailbox / "new").iterdir()):
        found = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(found, EmailMessage)
        yield found
