"""Test act killed, frozen, and without servers while it sends: webhooks take effect once, mails are never doubled.

``make act`` runs the full numbers: ACT_KILLS at random instants, ACT_AT_POINTS at each point of a message's life,
ACT_PAUSES longer than the session, ACT_AWAY without each receiver, and a fourth of them without Kafka and Redis.
ACT_SEED distinguishes parts of a long run.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from act_dying import FROZEN, POINTS
from act_rig import COUPON, WITH_COUPON, ActService, Postbox, Receiver, plays

from streamer.act.heart.state import State
from streamer.embedded import Addresses, Services

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

KILLS = int(os.environ.get("ACT_KILLS", "2"))
AT_POINTS = int(os.environ.get("ACT_AT_POINTS", "1"))
PAUSES = int(os.environ.get("ACT_PAUSES", "0"))
AWAY = int(os.environ.get("ACT_AWAY", "2"))
SEED = int(os.environ.get("ACT_SEED", "0"))
CONNECTIONS = 4
"""Number of mails in progress at once, which may be in doubt after one kill."""
MINUTE = 60_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ActService]:
    with ActService(addresses, redis_url, prefix, tmp_path) as service:
        yield service


class Shop:
    """A webhook and a mail with a coupon for each change of some customers; the changes arrive in portions."""

    def __init__(self, service: ActService, receiver: Receiver, postbox: Postbox, size: int = 6) -> None:
        self.service, self.receiver, self.postbox = service, receiver, postbox
        self.ids = [f"c{number}" for number in range(size)]
        self.changes, self.kills, self._codes = 0, 0, 0
        service.know(self.ids)

    def open(self, **more: str) -> None:
        """Start both plays."""
        self._codes = 4_000
        self.service.load("back10", [f"CODE-{number}" for number in range(self._codes)])
        text = plays(self.receiver.url, self.postbox.port, letter=COUPON, **more)
        self.service.begin(text, "hook", "letter", templates=WITH_COUPON)

    def portion(self) -> None:
        """Publish once more that each customer became at risk."""
        self.service.change(self.ids, 1 + self.changes // len(self.ids))
        self.changes += len(self.ids)

    def moves(self, begun: int | None = None) -> None:
        """Wait until another mail has arrived."""
        before = len(self.postbox.mails) if begun is None else begun
        self.service.wait(lambda: len(self.postbox.mails) > before)

    def accounted(self) -> State:
        """Check that the numbers add up whenever a process ends."""
        state = self.service.state()
        assert state.unaccounted() == 0
        return state

    def end(self) -> None:
        """Send another portion without faults, then check everything."""
        self.portion()
        self.service.wait(lambda: self.service.done(2 * self.changes))
        self.judge()

    def judge(self) -> None:
        """Check webhooks once, mails never twice, and nothing lost without a record."""
        state, changes = self.accounted(), self.changes
        hook, letter = state.ledger.plays["hook"], state.ledger.plays["letter"]
        assert (hook.planned, hook.sent) == (changes, changes)
        assert len(self.receiver.effects) == changes and self.receiver.bad == 0
        assert letter.planned == changes == letter.sent + letter.doubtful + letter.failed + sum(letter.dropped.values())
        assert max(self.postbox.mails.values()) == 1, "a mail came twice"
        assert letter.sent <= len(self.postbox.mails) <= letter.sent + letter.doubtful
        assert letter.doubtful <= CONNECTIONS * self.kills
        self._judge_coupons(state)
        print(
            f"{self.kills} times, {changes} changes: {letter.sent} mails sent, {letter.doubtful} doubtful, "
            f"{letter.failed} failed, {self.receiver.repeats} repeats of webhooks dropped"
        )

    def _judge_coupons(self, state: State) -> None:
        """Check that each mail has its own code, and every code sent is known as used."""
        codes = [code_in(mail) for mail in self.postbox.letters]
        assert len(codes) == len(set(codes)) == len(self.postbox.mails)
        letter = state.ledger.plays["letter"]
        free, given, _ = state.coupons.pools()["back10"]
        assert all((held := state.coupons.get(code)) is not None and held.given for code in codes)
        taken = {one.message for one in state.coupons.of_play("letter")}
        # A message that is dropped before a retry keeps the code of its first try.
        dropped = {one["message_id"] for one in self.service.steps() if one["type"] == "message.dropped"}
        assert given == len(taken) == letter.sent + letter.doubtful + letter.failed + len(taken & dropped)
        assert free == self._codes - given


def code_in(mail: bytes) -> str:
    """Return the coupon code in a mail's text."""
    part = message_from_bytes(mail, policy=default).get_body(("plain",))
    assert part is not None
    return str(re.findall(r"Code (CODE-\d+)", part.get_content())[0])


def test_kills_at_any_instant(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    dice = random.Random(7 + 100 * SEED)
    # About as many as are sent before the kill; the rest is sent at the end.
    shop = Shop(service, receiver, postbox, 10)
    process = service.start()
    shop.open()
    for _ in range(KILLS):
        before = len(postbox.mails)
        shop.portion()
        shop.moves(before)
        # In the middle of sending, at any point of a call.
        time.sleep(dice.uniform(0.0, 0.3))
        service.kill(process)
        shop.kills += 1
        shop.accounted()
        process = service.start()
    shop.end()


def test_kills_at_each_point_of_a_messages_way(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    dice = random.Random(8 + 100 * SEED)
    rounds = [point for point, _ in itertools.product(POINTS, range(AT_POINTS))]
    dice.shuffle(rounds)
    shop = Shop(service, receiver, postbox)
    first = service.start()
    # Plan and claim are separate commits.
    shop.open(wait="1 seconds")
    service.kill(first)
    for point in rounds:
        process = service.start_dying(point, dice.randrange(2))
        while not service.struck(process):
            shop.portion()
            patience = time.monotonic() + 20
            while not service.struck(process) and time.monotonic() < patience:
                time.sleep(0.05)
        shop.kills += 1
        shop.accounted()
        if point == FROZEN:
            _thaw_after_a_takeover(shop, process)
    service.start()
    shop.end()


def _thaw_after_a_takeover(shop: Shop, frozen: subprocess.Popen[bytes]) -> None:
    """Let another process replace a frozen one, which then wakes up with claims no longer its own, and ends."""
    service = shop.service
    successor = service.start()
    shop.portion()
    shop.moves()
    frozen.send_signal(signal.SIGCONT)
    shop.portion()
    shop.moves()
    service.kill(frozen)
    service.kill(successor)
    shop.kills += 2
    shop.accounted()


def test_pauses_past_the_session_time(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    dice = random.Random(9 + 100 * SEED)
    shop = Shop(service, receiver, postbox)
    process = service.start()
    shop.open()
    for _ in range(PAUSES):
        before = len(postbox.mails)
        shop.portion()
        shop.moves(before)
        time.sleep(dice.uniform(0.0, 0.1))
        process.send_signal(signal.SIGSTOP)
        frozen, process = process, service.start()
        shop.kills += 1
        before = len(postbox.mails)
        shop.portion()
        shop.moves(before + CONNECTIONS)
        frozen.send_signal(signal.SIGCONT)
        before = len(postbox.mails)
        shop.portion()
        shop.moves(before)
        shop.accounted()
        service.kill(frozen)
    shop.end()


def test_servers_and_receivers_come_and_go(
    services: Services, service: ActService, receiver: Receiver, postbox: Postbox
) -> None:
    """Act's clock is that of the lanes, which this test advances so that retries are due at once."""
    dice = random.Random(10 + 100 * SEED)
    shop = Shop(service, receiver, postbox)
    service.environment["STREAMER_CLOCK"] = "event"
    now = int(time.time() * 1000) - 10 * MINUTE
    service.tick(now)
    process = service.start()
    shop.open()
    for number in range(AWAY):
        shop.portion()
        time.sleep(dice.uniform(0.0, 0.2))
        stops = [receiver.stop, postbox.stop]
        dice.shuffle(stops)
        for stop in stops:
            stop()
            time.sleep(dice.uniform(0.0, 0.2))
        shop.kills += 1
        if number % 4 == 1:
            service.redis.flushdb()
        if number % 4 == 3:
            services.kafka.kill()
            services.kafka.restart()
        time.sleep(dice.uniform(0.0, 0.3))
        receiver.start()
        postbox.start()
        service.know(shop.ids)
        now += 6 * MINUTE
        service.tick(now)
        if process.poll() is not None:
            process = service.start()
        shop.accounted()

    def done() -> bool:
        # Retries wait for hours, and a breaker for a minute.
        nonlocal now
        now += 30 * MINUTE
        service.tick(now)
        return service.done(2 * shop.changes)

    shop.portion()
    service.wait(done)
    shop.judge()


@pytest.mark.skipif(not PAUSES, reason="only with make act")
def test_resend_loses_no_mail(service: ActService, receiver: Receiver, postbox: Postbox) -> None:
    """A service play with that option resends doubtful messages: twice rather than not at all."""
    shop = Shop(service, receiver, postbox)
    process = service.start()
    text = plays(receiver.url, postbox.port, doubt="resend")
    service.begin(text, "hook", "letter")
    for _ in range(PAUSES):
        before = len(postbox.mails)
        shop.portion()
        shop.moves(before)
        service.kill(process)
        shop.kills += 1
        shop.accounted()
        process = service.start()
    shop.portion()
    # A webhook that failed once and then met a kill waits for its second pause: five minutes, a fifth more at most.
    service.wait(lambda: service.done(2 * shop.changes), 480)
    letter = shop.accounted().ledger.plays["letter"]
    assert letter.sent == shop.changes == len(postbox.mails) and letter.doubtful == 0
