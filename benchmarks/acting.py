"""``act``: CPU per change, memory and time of a restart, and time of a preview.

    python -m benchmarks.acting [--changes 20000] [--customers 300000] [--previewed 100000]

- ``decided``: changes through the real owner over in-memory adapters, with the example plays: decoded, planned,
  checked at their time, rendered, claimed, answered, and encoded for Kafka. At most 150 us of CPU per change (2,000
  per second).
- ``restored``: customers with messages, restored from stored records; at most 10 s and 150 MB for 300,000.
- ``previewed``: two changes per customer in 30 days through the planner and the gates; at most 30 s for 100,000
  customers. Times are CPU of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from models.customer.customer import Customer, Membership
from models.customer.profile import Profile
from models.features.context import FeatureContext
from models.rules.defaults import DEFAULTS
from schemas import topics
from schemas.changes import Change, ModelRef, ReceivedChange, SegmentRef, encode_change
from schemas.records import Record
from streamer.act import store
from streamer.act.heart.address import Addresses
from streamer.act.heart.due import Policy
from streamer.act.heart.people import Person
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message, PlayState, State
from streamer.act.links import Links
from streamer.act.owner import ActOwner
from streamer.act.plays.book import Book, Channel
from streamer.act.plays.declared import segments_of
from streamer.act.ports import Begin, Begun, Fetched, Seen, Source
from streamer.act.preview import Preview
from streamer.act.reader import book_of
from streamer.act.render import Rendered
from streamer.lanes.ports import Writes
from streamer.queries.plays import with_shipped

NOON = 20_800 * 86_400_000 + 12 * 3_600_000
DAYS, DAY_MS = 30, 86_400_000
PLAYS = Path(__file__).resolve().parents[1] / "examples" / "plays" / "plays.toml"
POLICY = Policy(FeatureContext(), "UTC", True, Addresses(b"secret"), under_way=1_000, under_way_keyed=1_000)
_MOVES = (("loyal", "at_risk", "time"), ("champion", "at_risk", "time"), ("at_risk", "active", "event"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=300_000)
    parser.add_argument("--previewed", type=int, default=100_000)
    options = parser.parse_args()
    book = book_of(PLAYS, with_shipped(segments_of(DEFAULTS)))
    asyncio.run(_decide(book, options.changes))
    _restore(options.customers)
    _preview(book, options.previewed)


def customer(id: str) -> Customer:
    """Return a customer with an address, a language and a time zone."""
    found = Customer(id, (0, 0), 0)
    found.segments["lifecycle"] = Membership("at_risk", 0)
    found.segments["value"] = Membership("high", 0)
    found.profile = Profile()
    found.profile.merge_traits({"email": f"{id}@example.org", "language": "en", "timezone": "Europe/Berlin"}, 1, b"")
    return found


# -- decided --------------------------------------------------------------------------------------------------


async def _decide(book: Book, changes: int) -> None:
    records: list[Record] = []
    for number in range(changes):
        source, to, cause = _MOVES[number % len(_MOVES)]
        change = Change(
            event_id=f"e{number}",
            customer_id=f"c{number % (changes // 2)}",
            seq=1 + number // (changes // 2),
            segmentation="lifecycle",
            from_segment=SegmentRef(source, source),
            to_segment=SegmentRef(to, to),
            cause=cause,  # type: ignore[arg-type]
            automation_safe=True,
            is_initial=False,
            changed_at=NOON,
            trigger=None,
            model=ModelRef("rules", 1),
        )
        records.append(Record(0, number, NOON, change.customer_id.encode(), encode_change(change, NOON), ()))
    world = _World(records)
    sender = _Sender()
    owner = ActOwner(
        world,
        world,
        world,
        {"smtp": sender, "webhook": sender, "log": sender},
        _Journal(),
        POLICY,
        Links(b"k"),
        1,
        world,
    )
    await owner.open()
    state = owner.state
    state.books[book.version] = _without_rates(book)
    state.ledger.book = book.version
    state.ledger.plays = {name: PlayState("running", book.version, 1, 0) for name in book.plays}
    begun = time.process_time()
    while True:
        await owner.fetch(0)
        await owner.turn()
        await owner.calls_ended()
        if world.at == len(records) and not any(one.due <= world.now for one in state.messages.values()):
            if world.now > NOON:
                break
            # A day later, at noon, the waiting messages are checked.
            world.now += DAY_MS
    spent = time.process_time() - begun
    plays = state.ledger.plays.values()
    print(
        f"decided: {changes:,} changes, {sum(one.planned for one in plays):,} planned, {sum(one.sent for one in plays):,} sent:"
        f" {spent / changes * 1e6:,.0f} us of CPU a change"
    )
    assert state.unaccounted() == 0


def _without_rates(book: Book) -> Book:
    """Return the plays without limits on their channels, which would hold messages back for days."""
    channels = {name: Channel(name, one.kind, (), one.options) for name, one in book.channels.items()}
    return Book(
        book.version,
        book.shop,
        book.limits,
        channels,
        book.plays,
        book.templates,
        book.segments,
        book.text,
        book.source,
    )


class _World:
    """In-memory input and output of an owner."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.now = NOON
        self.at = 0
        self._records = records
        self._customers: dict[str, Customer] = {}

    def now_ms(self) -> int:
        return self.now

    async def open(self, starts: Mapping[Source, int] | None = None) -> None:
        """Do nothing: there is no connection."""

    async def close(self) -> None:
        """Do nothing: there is no connection."""

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
        # The number of changes in a tenth of a second at 2,000 per second.
        chunk = self._records[self.at : self.at + 200]
        self.at += len(chunk)
        return [Fetched((topics.CHANGES, 0), chunk, self.at)] if chunk else []

    async def ends(self, topic: str) -> dict[Source, int]:
        return {(topic, 0): self.at if topic == topics.CHANGES else 0}

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        for id in ids:
            if id not in self._customers:
                self._customers[id] = customer(id)
        return {id: Seen(self._customers[id], 10**9, self.now) for id in ids}

    async def clock(self) -> int:
        return self.now

    async def count(self) -> int:
        return 10**9


class _Journal:
    name = "here"

    async def begin(self, id: str, attempt: int) -> None:
        """Do nothing: the disk is not measured."""

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        """Do nothing: the disk is not measured."""

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        return "never", None

    def forget(self, journals: Iterable[str]) -> None:
        """Do nothing: no journal is kept."""

    def close(self) -> None:
        """Do nothing: no file is open."""


class _Sender:
    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        return Answer("sent" if await begun() else "not_begun")

    async def close(self) -> None:
        """Do nothing: no connection is open."""


# -- restored -------------------------------------------------------------------------------------------------


def _restore(customers: int) -> None:
    """Measure a restart with customers who each got messages from two plays in the last month."""

    def records() -> Iterable[tuple[bytes, bytes]]:
        state = State()
        for number in range(customers):
            person = state.people.touch("c")
            person.seq = number % 50
            person.sends = {"win_back": NOON, "first_order": NOON - number}
            person.days = {20_780: 1, 20_800: 1}
            person.arms = {"win_back@1": False, "*": False}
            person.address = f"{number:032x}"
            yield f"p:customer-{number:08}".encode(), state.people.packed("c") or b""

    gc.collect()
    before, begun = _rss(), time.process_time()
    state = State()
    store.restore(records(), state)
    spent = time.process_time() - begun
    gc.collect()
    print(
        f"restored: {len(state.people):,} customers in {spent:.1f} s (with making them up), "
        f"{(_rss() - before) / 1e6:,.0f} MB, {(_rss() - before) / customers:,.0f} bytes each"
    )
    assert isinstance(state.people.get("customer-00000001"), Person)


def _rss() -> int:
    """Return the resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# -- previewed ------------------------------------------------------------------------------------------------


def _preview(book: Book, customers: int) -> None:
    dice = random.Random(2)
    changes = []
    for number in range(2 * customers):
        source, to, cause = _MOVES[number % len(_MOVES)]
        changes.append(
            ReceivedChange(
                event_id=f"e{number}",
                customer_id=f"c{number // 2}",
                seq=1 + number % 2,
                segmentation="lifecycle",
                from_segment=SegmentRef(source, source),
                to_segment=SegmentRef(to, to),
                cause=cause,
                automation_safe=True,
                changed_at=datetime.fromtimestamp((NOON + dice.randrange(DAYS * DAY_MS)) / 1000, UTC),
            )
        )
    changes.sort(key=lambda one: (one.changed_ms, one.customer_id, one.seq))
    people = {f"c{number}": customer(f"c{number}") for number in range(customers)}
    gc.collect()
    begun = time.process_time()
    run = Preview(book, book.plays, people, POLICY, of=customers)
    funnels = run.run(changes, NOON + DAYS * DAY_MS)
    spent = time.process_time() - begun
    print(
        f"previewed: {customers:,} customers, {len(changes):,} changes in {DAYS} days, "
        f"{sum(one.planned for one in funnels.values()):,} planned, {sum(one.sent for one in funnels.values()):,} sent: "
        f"{spent:.1f} s of CPU"
    )


if __name__ == "__main__":
    main()
