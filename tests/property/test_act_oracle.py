"""The plays equal an oracle that is another program: for every change and play the same gate in the same hour.

``make act`` runs 5,000 customers and 60 days.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pytest
from act_oracle import RULES, SHOP_ZONE, Oracle
from act_trace import BEGIN, Entry, Trace, made
from act_world_in_time import BOOKED, TEMPLATES, UNITS, People, change_of, endings, event_of, idle, text

from schemas import topics
from schemas.records import Record
from streamer.act.heart.address import Addresses
from streamer.act.heart.due import Policy
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message, Outcome, PlayState, State, Step
from streamer.act.links import Links
from streamer.act.owner import ActOwner
from streamer.act.plays.book import Channel
from streamer.act.plays.declared import load
from streamer.act.ports import Begin, Begun, Fetched, Seen, Source
from streamer.act.render import Rendered
from streamer.act.settings import ActSettings
from streamer.lanes.ports import Writes

CUSTOMERS = int(os.environ.get("ACT_CUSTOMERS", "400"))
DAYS = int(os.environ.get("ACT_DAYS", "60"))
CODES, BUDGET = CUSTOMERS // 20, max(1, CUSTOMERS // 400)
POLICY = Policy(UNITS, SHOP_ZONE, True, Addresses(b"secret"), under_way=10**6, under_way_keyed=10**6)


class World:
    """What an owner reads and writes, in memory, at the hour of the test's clock."""

    def __init__(self, trace: Trace) -> None:
        self.now = BEGIN
        self.people = People(trace)
        self.steps: list[Step] = []
        self._new: dict[str, list[Record]] = {topics.CHANGES: [], topics.EVENTS: []}
        self._ends = {topics.CHANGES: 0, topics.EVENTS: 0}

    def take(self, entry: Entry) -> None:
        """Something happened: the lanes and act's inputs have it."""
        self.people.take(entry)
        topic = topics.CHANGES if entry.what == "change" else topics.EVENTS
        value = change_of(entry) if entry.what == "change" else event_of(entry)
        if value is not None:
            record = Record(0, self._ends[topic], entry.at, entry.customer.encode(), value, ())
            self._new[topic].append(record)
            self._ends[topic] += 1

    def on_turn(self, state: State, outcome: Outcome) -> None:
        self.steps += outcome.steps

    def now_ms(self) -> int:
        return self.now

    async def open(self, starts: Mapping[Source, int] | None = None) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def commit(self, writes: Writes, next_offset: int) -> int:
        return next_offset

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        yield []

    async def changelog_end(self) -> int:
        return 0

    async def end_offset(self) -> int:
        return 0

    async def first_offset(self) -> int:
        return 0

    async def poll(self, seconds: float) -> list[Fetched]:
        found = [Fetched((topic, 0), records, self._ends[topic]) for topic, records in self._new.items() if records]
        self._new = {topic: [] for topic in self._new}
        return found

    async def ends(self, topic: str) -> dict[Source, int]:
        return {(topic, 0): self._ends[topic]}

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        return {id: Seen(self.people.found[id], 10**9, self.now) for id in ids}

    async def clock(self) -> int:
        return self.now

    async def count(self) -> int:
        return 10**9


class NoJournal:
    name = "here"

    async def begin(self, id: str, attempt: int) -> None:
        """Nothing ends in the middle of a call here."""

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        """Nothing ends in the middle of a call here."""

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        return "never", None

    def forget(self, journals: Iterable[str]) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is open."""


class Sender:
    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        return Answer("sent" if await begun() else "not_begun")

    async def close(self) -> None:
        """Nothing is open."""


async def planned(trace: Trace) -> tuple[World, State]:
    """The real owner over the whole trace."""
    world = World(trace)
    settings = ActSettings(messages_a_turn=10**6)
    owner = ActOwner(
        world,
        world,
        world,
        {"smtp": Sender()},
        NoJournal(),
        POLICY,
        Links(b"k"),
        1,
        world,
        settings,
        on_turn=world.on_turn,
    )
    await owner.open()
    book = load(text(BUDGET), 1, BOOKED, TEMPLATES)
    owner.state.books[1], owner.state.ledger.book = book, 1
    owner.state.ledger.plays = {name: PlayState("running", 1, 1, 0) for name in book.plays}
    owner.state.coupons.load("thanks10", [f"CODE-{number}" for number in range(CODES)])
    for now, entries in trace.by_hour():
        world.now = now
        for entry in entries:
            world.take(entry)
        await owner.fetch(0)
        await owner.turn()
        while not idle(owner.state, now):
            await owner.calls_ended()
            await owner.turn()
    return world, owner.state


@pytest.mark.parametrize("seed", [1, 2])
def test_every_message_ends_as_the_oracle_says(seed: int) -> None:
    trace = made(CUSTOMERS, DAYS, seed)
    world, state = asyncio.run(planned(trace))
    oracle = Oracle(trace, CODES, BUDGET).run()
    found = endings(world.steps)
    differ = {key: (found.get(key), oracle.became.get(key)) for key in found.keys() | oracle.became.keys()}
    differ = {key: both for key, both in differ.items() if both[0] != both[1]}
    assert not differ, f"{len(differ)} of {len(found)}: {list(differ.items())[:5]}"
    waiting = {(one.change.event_id, one.play) for one in state.messages.values()}
    assert waiting == oracle.waiting and state.unaccounted() == 0
    _all_gates_were_met(found)


def _all_gates_were_met(found: Mapping[tuple[str, str], Any]) -> None:
    ended = Counter(what for what, _ in found.values())
    print(f"{CUSTOMERS:,} customers, {DAYS} days, {len(found):,} messages: {dict(ended.most_common())}")
    expected = (
        "sent withheld if contactable consent list suppressed again expires unless still cap coupon render erased"
    )
    assert set(expected.split()) == set(ended)
    assert {name for _, name in found} == {rule.name for rule in RULES}
