"""Act is killed again and again while it sends: every webhook takes effect once, no mail comes twice, none is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from act_rig import ActService, Postbox, Receiver, plays

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


def test_kills_lose_nothing_and_double_nothing(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    dice = random.Random(7)
    changes = max(CHANGES, 20 * KILLS)
    ids = [f"c{number}" for number in range(changes)]
    service.know(ids)
    process = service.start()
    service.begin(plays(receiver.url, postbox.port), "hook", "letter")
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
    print(
        f"{KILLS} kills, {changes} changes: {letter.sent} mails sent, {letter.doubtful} doubtful, {receiver.repeats} repeats"
    )
