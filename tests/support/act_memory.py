"""Keep an act owner's inputs and outputs in memory: topics that outlive it, the view, a clock, and kills at its commits."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from models.customer.customer import Customer
from schemas import topics
from schemas.records import Record
from streamer.act.heart.due import Policy
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message, Outcome, PlayState, State
from streamer.act.links import Links
from streamer.act.owner import ActOwner
from streamer.act.plays.book import Book, Channel
from streamer.act.ports import Begin, Begun, Fetched, Seen, Source
from streamer.act.render import Rendered
from streamer.act.reports import Maker, made_by_command
from streamer.act.settings import ActSettings
from streamer.lanes.ports import Writes


class Killed(BaseException):
    """Raised when the process is killed."""


@dataclass(frozen=True)
class Step:
    """A published step of a message, with the fields that tests look at."""

    type: str
    message_id: str
    customer: str
    play: str
    change: str
    at: int
    gate: str


class _Published(msgspec.Struct):
    type: str
    message_id: str
    customer_id: str
    play: str
    change_event_id: str
    gate: str | None = None


_published = msgspec.json.Decoder(_Published).decode


class Memory:
    """Kafka, the view and the clock. ``customers`` are those in the view; ``steps`` are the committed ones.

    Parameters
    ----------
    kills
        Share of commits at which the owner is killed, half of the time before the commit and half right after it.
    """

    def __init__(self, now: int, customers: Mapping[str, Customer], kills: float = 0.0, seed: int = 1) -> None:
        self.now, self.customers, self.kills = now, customers, kills
        self.steps: list[Step] = []
        self.killed = 0
        self._dice = random.Random(seed)
        self._kept: dict[bytes, bytes | None] = {}
        self._topics: dict[str, list[Record]] = {topics.CHANGES: [], topics.EVENTS: []}
        self._at: dict[str, int] = {}

    def publish(self, topic: str, customer: str, value: bytes, at: int) -> None:
        """Append a record to the changes or events."""
        records = self._topics[topic]
        records.append(Record(0, len(records), at, customer.encode(), value, ()))

    def now_ms(self) -> int:
        return self.now

    # -- act's own topic --------------------------------------------------------------------------------------

    async def open(self, starts: Mapping[Source, int] | None = None) -> None:
        if starts is not None:
            self._at = {topic: starts.get((topic, 0), 0) for topic in self._topics}

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    async def commit(self, writes: Writes, next_offset: int) -> int:
        struck = self._dice.random() < self.kills
        if struck and (early := self._dice.random() < 0.5):
            self.killed += 1
            raise Killed
        for write in writes[topics.ACT, 0]:
            self._kept[write.key or b""] = write.value
        for write in writes.get((topics.MESSAGES, 0), ()):
            sent = _published(write.value or b"")
            step = Step(
                sent.type,
                sent.message_id,
                sent.customer_id,
                sent.play,
                sent.change_event_id,
                self.now,
                sent.gate or "",
            )
            self.steps.append(step)
        if struck and not early:
            self.killed += 1
            raise Killed
        return next_offset

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        yield [(at, key, value) for at, (key, value) in enumerate(self._kept.items())]

    async def changelog_end(self) -> int:
        return len(self._kept)

    async def end_offset(self) -> int:
        return 0

    async def first_offset(self) -> int:
        return 0

    # -- inputs and the view ----------------------------------------------------------------------------------

    async def poll(self, seconds: float) -> list[Fetched]:
        found = []
        for topic, records in self._topics.items():
            if len(records) > self._at[topic]:
                found.append(Fetched((topic, 0), records[self._at[topic] :], len(records)))
                self._at[topic] = len(records)
        return found

    async def ends(self, topic: str) -> dict[Source, int]:
        return {(topic, 0): len(self._topics[topic])}

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        return {id: Seen(self.customers.get(id), 10**9, self.now) for id in ids}

    async def clock(self) -> int:
        return self.now

    async def count(self) -> int:
        return 10**9


class Journal:
    """The lines of all owners; only one owner is alive."""

    name = "here"

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], Answer | None] = {}

    async def begin(self, id: str, attempt: int) -> None:
        self._lines[id, attempt] = None

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        self._lines[id, attempt] = answer

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        if (id, attempt) not in self._lines:
            return "never", None
        answer = self._lines[id, attempt]
        return ("begun", None) if answer is None else ("answered", answer)

    def forget(self, journals: Iterable[str]) -> None:
        """Do nothing: all journals are kept."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


class Sender:
    """Accepts every call, and records the ids in call order."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.rendered: list[Rendered] = []

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        if not await begun():
            return Answer("not_begun")
        self.sent.append(message.id)
        self.rendered.append(rendered)
        return Answer("sent")

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class Shop:
    """Successive owners over one memory: the next one starts when one is killed."""

    def __init__(
        self, memory: Memory, book: Book, policy: Policy, codes: Iterable[str] = (), *, a_turn: int = 10**6
    ) -> None:
        self.memory, self.sender, self._journal = memory, Sender(), Journal()
        self._book, self._policy, self._a_turn, self._codes = book, policy, a_turn, list(codes)
        self._owner: ActOwner | None = None
        self.make_report: Maker = made_by_command
        self.senders: Mapping[str, Any] = {}
        self.trusts: Callable[[int, int], bool] = lambda now, last: True

    @property
    def state(self) -> State:
        assert self._owner is not None
        return self._owner.state

    async def start(self) -> None:
        """Start the next owner; the first one starts all plays."""
        while True:
            memory = self.memory
            senders = {"smtp": self.sender, "webhook": self.sender, **self.senders}
            settings = ActSettings(messages_a_turn=self._a_turn, lease_seconds=10**6, patience_seconds=0)
            self._owner = ActOwner(
                memory,
                memory,
                memory,
                senders,
                self._journal,
                self._policy,
                Links(b"k"),
                1,
                memory,
                settings,
                make_report=self.make_report,
                trusts=self.trusts,
            )
            await self._owner.open()
            if self.state.books:
                return
            self.state.books[self._book.version] = self._book
            self.state.ledger.book = self._book.version
            self.state.ledger.plays = {name: PlayState("running", 1, 1, 0) for name in self._book.plays}
            outcome = Outcome(books={self._book.version}, moved=True)
            outcome.coupons.update(self.state.coupons.load("thanks10", self._codes))
            kills, memory.kills = memory.kills, 0.0
            await self._owner._commit(outcome)
            memory.kills = kills
            return

    async def stop(self) -> None:
        """Stop sending until the next start."""
        self._owner = None

    async def settle(self) -> None:
        """Run turns until nothing is due. When an owner is killed, the next one continues."""
        while not (await self.once() and idle(self.state, self.memory.now)):
            pass

    async def once(self) -> bool:
        """Run one turn and its calls. Return False if the owner was killed."""
        if self._owner is None:
            await self.start()
        assert self._owner is not None
        try:
            await self._owner.fetch(0)
            await self._owner.turn()
            await self._owner.calls_ended()
        except Killed:
            self._owner = None
            return False
        return True


def idle(state: State, now: int) -> bool:
    """Return whether nothing is in progress and nothing is due."""
    return not any(
        one.status == "sending" or (one.status == "waiting" and one.due <= now) for one in state.messages.values()
    )
