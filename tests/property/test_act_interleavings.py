"""Test messages whose time comes while customers move: commands, moves, timers and kills in any order.

``make act`` runs 10,000 interleavings. Everything present when the owner last asked for its inputs' ends holds for the
claim that follows.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from act_memory import Memory, Shop, idle
from act_world import DAY, HOUR, NOON, POLICY, customer, declared, moved, play

from schemas import topics
from streamer.act.ports import Seen, Source
from streamer.lanes.ports import Writes

INTERLEAVINGS = int(os.environ.get("ACT_INTERLEAVINGS", "400"))
BOOK = declared(
    play("low", again="0 seconds", more='wait = "1 day"\nunless = "orders >= 1"'),
    limits='quiet = "none"\nstorm = "100 % of customers in 1 hour"',
)
WIDE = replace(POLICY, under_way=10**6)


class Busy(Memory):
    """Events occur whenever the owner waits for its inputs or the view."""

    def __init__(self, dice: random.Random, kills: float) -> None:
        super().__init__(NOON, {"ann": customer("ann")}, kills, dice.randrange(10**9))
        self.dice, self.clock_of_happenings = dice, 0
        self.happenings = [what for what in ("leaves", "buys") if dice.random() < 0.6]
        self.happened: dict[str, int] = {}
        self.asked = self.read_at = 0
        self.too_late: set[str] = set()

    def may_happen(self, share: float = 0.15) -> None:
        self.clock_of_happenings += 1
        if self.happenings and self.now >= NOON + DAY - 2_000 and self.dice.random() < share:
            what = self.happenings.pop()
            self.happened[what] = self.clock_of_happenings
            if what == "leaves":
                self.publish(topics.CHANGES, "ann", moved("ann", 2, self.now, "active", "at_risk"), self.now)
            else:
                self.customers["ann"].statistics.orders += 1

    async def ends(self, topic: str) -> dict[Source, int]:
        self.may_happen()
        found = await super().ends(topic)
        if topic == topics.CHANGES:
            self.asked = self.clock_of_happenings
        return found

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        self.may_happen()
        self.read_at = self.clock_of_happenings
        # A copy, because what happens from here on is not in what was read.
        return {id: replace(one, customer=deepcopy(one.customer)) for id, one in (await super().read(ids)).items()}

    async def commit(self, writes: Writes, next_offset: int) -> int:
        claimed = any(b"message.sending" in (one.value or b"") for one in writes.get((topics.MESSAGES, 0), ()))
        if claimed and not any(one.type == "message.sending" for one in self.steps):
            looked = {"leaves": self.asked, "buys": self.read_at}
            self.too_late |= {what for what, at in self.happened.items() if at <= looked[what]}
        return await super().commit(writes, next_offset)


async def interleaved(dice: random.Random) -> tuple[Busy, str]:
    """Follow one message from its change to its end, and return its outcome."""
    memory = Busy(dice, kills=dice.choice((0.0, 0.3)))
    shop = Shop(memory, BOOK, WIDE)
    await shop.start()
    memory.publish(topics.CHANGES, "ann", moved("ann", 1, NOON), NOON)
    while not (memory.steps and memory.steps[-1].type in ("message.sent", "message.dropped")):
        if dice.random() < 0.1:
            await shop.stop()
        await shop.once()
        memory.may_happen()
        far = NOON + DAY - 2_000 - memory.now
        memory.now += min(far, HOUR) if far > 0 else dice.choice((0, 1, 700, 1_300))
        assert memory.now < NOON + 3 * DAY
    await shop.settle()
    assert idle(shop.state, memory.now) and shop.state.unaccounted() == 0
    sent = [one for one in memory.steps if one.type == "message.sending"]
    assert len(shop.sender.sent) == len(set(shop.sender.sent)) <= 1
    return memory, "sent" if sent else memory.steps[-1].gate


def test_nothing_goes_to_who_moved_on_before_the_last_look() -> None:
    became = Counter[str]()
    for number in range(INTERLEAVINGS):
        memory, what = asyncio.run(interleaved(random.Random(number)))
        became[what] += 1
        assert not memory.too_late, (number, memory.happened)
        if what == "sent":
            [first, *_] = [one for one in memory.steps if one.type == "message.sending"]
            assert first.at >= NOON + DAY, "early"
        else:
            assert {"still": "leaves", "unless": "buys"}[what] in memory.happened, number
    print(f"{INTERLEAVINGS:,} interleavings: {dict(became)}")
    assert min(became[one] for one in ("sent", "still", "unless")) > INTERLEAVINGS / 20
