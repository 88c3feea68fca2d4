"""Act is killed again and again while it sends: every webhook takes effect once, no mail or coupon comes twice, none is lost."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from act_rig import COUPON, WITH_COUPON, ActService, Postbox, Receiver, plays

from streamer.embedded import Addresses

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

CHANGES = 60
KILLS = int(os.environ.get("ACT_KILLS", "2"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    made = Postbox()
    yield made
    made.stop()


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    made = ActService(addresses, redis_url, prefix, tmp_path)
    yield made
    made.close()


def code_in(mail: bytes) -> str:
    """The coupon code that the text of a mail says."""
    part = message_from_bytes(mail, policy=default).get_body(("plain",))
    assert part is not None
    return str(re.findall(r"Code (CODE-\d+)", part.get_content())[0])


def test_kills_lose_nothing_and_double_nothing(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    dice = random.Random(7)
    changes = max(CHANGES, 20 * KILLS)
    ids = [f"c{number}" for number in range(changes)]
    service.know(ids)
    process = service.start()
    service.load("back10", [f"CODE-{number}" for number in range(changes)])
    service.begin(plays(receiver.url, postbox.port, letter=COUPON), "hook", "letter", templates=WITH_COUPON)
    share = -(-changes // (KILLS + 1))
    for kill in range(KILLS):
        service.change(ids[kill * share : (kill + 1) * share])
        before = len(postbox.mails)
        service.wait(lambda before=before: len(postbox.mails) > before)  # type: ignore[misc]
        # In the middle of sending, at any point of a call.
        time.sleep(dice.uniform(0.0, 0.3))
        service.kill(process)
        process = service.start()
    service.change(ids[KILLS * share :])
    service.wait(lambda: service.done(2 * changes), 120)

    state = service.state()
    hook, letter = state.ledger.plays["hook"], state.ledger.plays["letter"]
    assert state.unaccounted() == 0
    assert (hook.planned, hook.sent) == (changes, changes)
    assert len(receiver.effects) == changes and receiver.bad == 0
    assert letter.planned == changes == letter.sent + letter.doubtful + letter.failed + sum(letter.dropped.values())
    assert max(postbox.mails.values()) == 1, "a mail came twice"
    assert letter.sent <= len(postbox.mails) <= letter.sent + letter.doubtful
    assert letter.doubtful <= 4 * KILLS
    # Each mail has a code of its own, and every code that left is known as given.
    codes = [code_in(mail) for mail in postbox.letters]
    assert len(codes) == len(set(codes)) == len(postbox.mails)
    free, given, _ = state.coupons.pools()["back10"]
    assert all((held := state.coupons.get(code)) is not None and held.given for code in codes)
    assert given == letter.sent + letter.doubtful + letter.failed and free == changes - given
    print(
        f"{KILLS} kills, {changes} changes: {letter.sent} mails sent, {letter.doubtful} doubtful, {receiver.repeats} repeats"
    )
