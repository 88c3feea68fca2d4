"""Test tokens that nobody can forge, and a journal that knows what it does not know."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.act.heart.settle import Answer
from streamer.act.journal import FileJournal
from streamer.act.links import VALID_DAYS, BadToken, Links, Ticket
from streamer.act.secrets import load, webhook_secrets
from streamer.config.settings import Settings

LINKS = Links(b"k" * 32)
DAY = 86_400_000
TICKET = Ticket("17850", "offers", "m-1", 20_000)


def test_a_token_says_what_it_was_made_for_and_expires() -> None:
    token = LINKS.token(TICKET)
    assert LINKS.read(token, 20_000 * DAY) == TICKET
    assert LINKS.read(token, (20_000 + VALID_DAYS) * DAY) == TICKET
    for day in (20_000 + VALID_DAYS + 1, 19_999):
        with pytest.raises(BadToken):
            LINKS.read(token, day * DAY)
    with pytest.raises(BadToken):
        Links(b"x" * 32).read(token, 20_000 * DAY)


def test_no_token_but_the_made_one_is_taken() -> None:
    dice, token = random.Random(3), LINKS.token(TICKET)
    for number in range(20_000):
        if number % 2:
            at = dice.randrange(len(token))
            forged = token[:at] + dice.choice("abcXYZ019-_") + token[at + 1 :]
        else:
            forged = base64.urlsafe_b64encode(dice.randbytes(dice.randrange(80))).rstrip(b"=").decode()
        with suppress(BadToken):
            # The last letter of a text may have bits without meaning.
            assert LINKS.read(forged, 20_000 * DAY) == TICKET and (forged == token or forged[:-1] == token[:-1])
    for odd in ("", "=", "ü", "a" * 5_000, "%00"):
        with pytest.raises(BadToken):
            LINKS.read(odd, 20_000 * DAY)


def test_a_journal_of_a_dead_owner_knows_what_began_and_how_it_ended(tmp_path: Path) -> None:
    former = FileJournal(tmp_path)

    async def work() -> None:
        await asyncio.gather(*(former.begin(f"m{n}", 1) for n in range(20)))
        await former.answered("m3", 1, Answer("sent", "250"))

    asyncio.run(work())
    name = former.name
    mine = FileJournal(tmp_path)
    # It may still wake up and call, so nothing is known.
    assert mine.recall(name, "m3", 1) == ("unknown", None)
    former.close()
    fresh = FileJournal(tmp_path)
    assert fresh.recall(name, "m3", 1) == ("answered", Answer("sent", "250"))
    assert fresh.recall(name, "m4", 1) == ("begun", None)
    assert fresh.recall(name, "m4", 2) == ("never", None)
    assert fresh.recall("elsewhere", "m4", 1) == ("unknown", None)
    mine.forget([name])
    assert (tmp_path / f"{name}.journal").exists()
    fresh.forget([])
    assert not (tmp_path / f"{name}.journal").exists() and (tmp_path / f"{mine.name}.journal").exists()
    mine.close()
    fresh.close()


def test_a_cut_line_is_passed_over(tmp_path: Path) -> None:
    former = FileJournal(tmp_path)
    asyncio.run(former.begin("m1", 1))
    former.close()
    with (tmp_path / f"{former.name}.journal").open("ab") as file:
        file.write(b'["m2",1,{"ki')
    mine = FileJournal(tmp_path)
    assert mine.recall(former.name, "m1", 1) == ("begun", None)
    assert mine.recall(former.name, "m2", 1) == ("never", None)
    mine.close()


def test_the_lock_of_a_killed_process_is_free_and_that_of_a_frozen_one_is_not(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, time\nfrom pathlib import Path\nfrom streamer.act.journal import FileJournal\n"
        "j = FileJournal(Path(sys.argv[1]))\nasyncio.run(j.begin('m1', 1))\nprint(j.name, flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        os.kill(process.pid, 19)
        mine = FileJournal(tmp_path)
        assert mine.recall(name, "m1", 1) == ("unknown", None)
        mine.close()
        process.kill()
        process.wait(10)
        fresh = FileJournal(tmp_path)
        assert fresh.recall(name, "m1", 1) == ("begun", None)
        fresh.close()
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def test_the_key_of_links_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = load(settings).link_key
    assert load(settings).link_key == first and len(first) == 64
    assert (tmp_path / "home" / "link.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["shop", "shop=abc", "shop=whsec_", "=whsec_bmV3", "shop=whsec_!!"])
def test_a_webhook_secret_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UserError) as raised:
        webhook_secrets(text)
    assert "NAME=whsec_" in raised.value.message and "abc" not in raised.value.message
