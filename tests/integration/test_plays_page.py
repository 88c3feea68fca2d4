"""``docs/plays.md`` as a new user follows it: every command of its first part, in order, in one shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from act_rig import free_port
from live_service import LiveService

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "plays.md"
SECONDS = 180


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    made = LiveService(addresses, redis_url, prefix, tmp_path, lanes=2)
    yield made
    made.close()


def script(mail_port: int, web_port: int) -> str:
    """All `sh` blocks in one shell, with ports of our own."""
    page = PAGE.read_text().replace("8025", str(mail_port))
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    blocks[0] += f"sed -i 's/8025/{mail_port}/; s/8480/{web_port}/' plays.toml\n"
    return "set -e\n" + "".join(blocks)


def test_the_page_leads_to_a_mail_and_out_of_the_list(service: LiveService, tmp_path: Path) -> None:
    service.start()
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "streamer").symlink_to(ROOT)
    web_port = free_port()
    environment = {
        **service.environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "STREAMER_HOME": str(tmp_path / "home"),
        "STREAMER_WEB_PORT": str(web_port),
        "STREAMER_ACT_METRICS_PORT": "0",
        "NO_COLOR": "1",
    }
    log = tmp_path / "page.log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script(free_port(), web_port)],
            cwd=desk,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        code = shell.wait(SECONDS)
        said = log.read_text() + service.logs()
        assert code == 0, said
        mails = {mail["To"]: mail for mail in read(desk / "plays" / "mailbox")}
        assert set(mails) == {"ann@example.org", "me@example.org"}, said
        assert mails["ann@example.org"]["Subject"] == "Thank you for your first order at Lamp & Leaf"
        # The link of the trial leads nowhere; those of real messages are tested with the pages.
        assert "/u/trial" in mails["me@example.org"]["List-Unsubscribe"]
        assert "1 sent" in said and "all right" in said
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def read(mailbox: Path) -> Iterator[EmailMessage]:
    """All mails of a Maildir."""
    for path in sorted((mailbox / "new").iterdir()):
        found = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(found, EmailMessage)
        yield found
