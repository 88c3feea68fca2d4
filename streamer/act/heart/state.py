"""What ``act`` knows, as values that are stored one by one in ``streamer.act.v1``. Instants are epoch milliseconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from schemas.act import Refusal
from schemas.changes import ReceivedChange
from schemas.errors import UserError
from streamer.act.heart.coupons import Coupons
from streamer.act.heart.people import People, Person
from streamer.act.plays.book import Book, Channel, Play

Status = Literal["waiting", "sending", "failed", "doubtful"]
PlayStatus = Literal["running", "paused", "stopped"]
FIRST: Final = "first"
"""Stands where a change has its cause, for customers who were in a segment already (`heart.by_hand`)."""


class Message(msgspec.Struct, array_like=True):
    """A message that is not finished.

    Attributes
    ----------
    id
        The same over retries, restarts and edits of the play (`heart.ids`).
    version
        Of the book that it was planned by.
    change
        What caused it.
    due, expires
        When it is looked at next; from when on it is dropped.
    looked
        Whether ``if`` was judged after the change, and only the wait is left.
    now_in
        The customer's segment in the trigger's segmentation, as the changes read so far say.
    attempt, journal
        Number of calls begun, and the journal that the last one is noted in.
    claimed
        When it first used up its turn; 0 before. Repeats use up nothing more.
    why
        What the channel said last.
    released
        Attempts that count for no retry: those before a person released it, and those whose call was never made.
    trace
        The trace (W3C ``traceparent``) of the record that caused the change; empty where there is none.
    coupon
        The code that it took; empty where it took none. Repeats say the same one.
    approved
        Whether a person said yes to it, where the first messages of its play wait for that.
    erased
        Its customer was erased during the call: whatever the answer is, nothing of it is kept.
    """

    id: str
    play: str
    version: int
    customer: str
    change: ReceivedChange
    planned: int
    due: int
    expires: int
    status: Status = "waiting"
    looked: bool = False
    now_in: str | None = None
    attempt: int = 0
    journal: str = ""
    claimed: int = 0
    why: str = ""
    released: int = 0
    trace: str = ""
    coupon: str = ""
    approved: bool = False
    erased: bool = False


class Measure(msgspec.Struct, array_like=True):
    """A customer's turn whose effect is still to be counted.

    Attributes
    ----------
    held
        Whether the customer was held out.
    begun, due
        Orders after ``begun`` and up to ``due`` count.
    responses
        What the customer answered: ``unsubscribed``, ``complained``.
    held_from_all
        Whether the customer is held out of all marketing: then this play's arms leave them out.
    """

    play: str
    epoch: int
    version: int
    customer: str
    change_event_id: str
    held: bool
    begun: int
    due: int
    responses: list[str] = msgspec.field(default_factory=list, name="heard")
    held_from_all: bool = False


class ArmState(msgspec.Struct):
    """What was measured in one arm: customers, buyers, the sum of what they spent and of its squares."""

    n: int = 0
    bought: int = 0
    money: float = 0.0
    squares: float = 0.0


class Drawn(msgspec.Struct):
    """Customers whose arm counts, once each: how many of them are held out, and how many were expected to be.

    Attributes
    ----------
    expected
        The sum of the shares by which they were drawn, which an edit of the file may change.
    """

    n: int = 0
    held: int = 0
    expected: float = 0.0

    def count(self, held: bool, share: float) -> None:
        """Count one more customer."""
        self.n += 1
        self.held += held
        self.expected += share


class Marketing(msgspec.Struct):
    """All marketing together: what was measured of those who may get it, and of those held out of all of it."""

    drawn: Drawn = msgspec.field(default_factory=Drawn)
    sent_arm: ArmState = msgspec.field(default_factory=ArmState)
    held_arm: ArmState = msgspec.field(default_factory=ArmState)


class PlayState(msgspec.Struct):
    """A play that was started at least once.

    Attributes
    ----------
    epoch
        How often it was started from ``stopped``; a new epoch draws new arms.
    since
        Changes before this instant are none of its business.
    planned, sent, withheld, failed, doubtful, dropped
        ``planned = sent + withheld + failed + doubtful + waiting + sum(dropped)``; ``dropped`` by gate.
    days
        Claims by the shop's day, of the last `KEPT_DAYS` days.
    hours
        Planned messages by slice of the storm's window.
    why
        Why it is paused, where a rule paused it.
    approve
        So many messages wait for a yes before the play sends by itself.
    sent_arm, held_arm
        What was measured in this epoch.
    responses
        Unsubscribes and complaints that name a message of this epoch.
    drawn
        Customers who had a turn in this epoch, without those held out of all marketing.
    """

    status: PlayStatus
    version: int
    epoch: int
    since: int
    planned: int = 0
    sent: int = 0
    withheld: int = 0
    failed: int = 0
    doubtful: int = 0
    dropped: dict[str, int] = {}
    days: dict[int, int] = {}
    hours: dict[int, int] = {}
    why: str = ""
    sent_arm: ArmState = msgspec.field(default_factory=ArmState)
    held_arm: ArmState = msgspec.field(default_factory=ArmState)
    responses: dict[str, int] = msgspec.field(default_factory=dict, name="heard")
    drawn: Drawn = msgspec.field(default_factory=Drawn)
    approve: int = 0


class ChannelState(msgspec.Struct):
    """A channel's calls: what its rates and its breaker depend on.

    Attributes
    ----------
    windows
        Calls by width of the rate's window (ms) and slice of it.
    latest
        The last 20 outcomes, 1 for a failure of the channel itself; newest last.
    opened, probe
        Since when the breaker is open (0: closed), and when the next call may try it.
    """

    windows: dict[int, dict[int, int]] = {}
    latest: str = ""
    opened: int = 0
    probe: int = 0


class Suppression(msgspec.Struct, array_like=True):
    """An address that is not written to: for a list, or for all (``*``)."""

    list: str
    since: int
    why: str


class Erased(msgspec.Struct, array_like=True, frozen=True):
    """An erase of everything that a customer did up to ``at``; its record was appended at ``appended``."""

    at: int
    appended: int


class Ledger(msgspec.Struct):
    """Where ``act`` stands; in every transaction.

    Attributes
    ----------
    changes, events
        The next offset of each lane.
    orders
        The next offset of ``streamer.act.v1`` itself, where orders arrive.
    book
        The newest version of the file.
    marketing
        What is measured over all plays, where `holdout` in ``[limits]`` holds out a share.
    ordered
        Numbers of the last signed orders that were taken.
    salt
        With it ids of erased customers are hashed; made once, at random.
    """

    changes: dict[int, int] = {}
    events: dict[int, int] = {}
    orders: int = 0
    book: int = 0
    plays: dict[str, PlayState] = {}
    channels: dict[str, ChannelState] = {}
    marketing: Marketing = msgspec.field(default_factory=Marketing)
    ordered: list[int] = []
    salt: str = ""


@dataclass(slots=True)
class State:
    """Everything, as one owner holds it in memory. ``by_customer`` names the unfinished messages of each customer, and
    ``erased`` has erases of late, by the hash of the id.
    """

    ledger: Ledger = field(default_factory=Ledger)
    books: dict[int, Book] = field(default_factory=dict)
    people: People = field(default_factory=People)
    messages: dict[str, Message] = field(default_factory=dict)
    suppressed: dict[str, Suppression] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    coupons: Coupons = field(default_factory=Coupons)
    by_customer: dict[str, set[str]] = field(default_factory=dict)
    erased: dict[str, Erased] = field(default_factory=dict)

    def started(self, name: str) -> PlayState:
        """The play of that name; UserError where it was never started."""
        found = self.ledger.plays.get(name)
        if found is None:
            known = ", ".join(self.ledger.plays) or "none"
            raise UserError(f"the play {name} was never started", f"started so far: {known}")
        return found

    def play(self, message: Message) -> Play:
        """The play by which a message was planned."""
        return self.books[message.version].plays[message.play]

    def channel(self, message: Message) -> Channel:
        """Where a message goes: the newest file decides how that channel is reached, unless it is of another kind now."""
        planned = self.books[message.version].channels[self.play(message).channel]
        newest = self.books[self.ledger.book].channels.get(planned.name)
        return newest if newest is not None and newest.kind == planned.kind else planned

    def person(self, customer: str) -> Person:
        """The customer's record, made where there is none."""
        return self.people.touch(customer)

    def add(self, message: Message) -> None:
        """Take in an unfinished message."""
        self.messages[message.id] = message
        self.by_customer.setdefault(message.customer, set()).add(message.id)

    def remove(self, message: Message) -> None:
        """Let go of a message that is finished."""
        del self.messages[message.id]
        rest = self.by_customer[message.customer]
        rest.discard(message.id)
        if not rest:
            del self.by_customer[message.customer]

    def unaccounted(self) -> int:
        """Messages planned and not accounted for, over all plays: always 0."""
        open_ones = Counter(one.play for one in self.messages.values() if one.status in ("waiting", "sending"))
        return sum(
            play.planned
            - play.sent
            - play.withheld
            - play.failed
            - play.doubtful
            - sum(play.dropped.values())
            - open_ones[name]
            for name, play in self.ledger.plays.items()
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Which message a step is about; its fields are those that every step names."""

    id: str
    play: str
    version: int
    customer: str
    change_event_id: str
    attempt: int = 0
    trace: str = ""

    @classmethod
    def of(cls, message: Message) -> Origin:
        """Of a message that is not finished."""
        event = message.change.event_id
        return cls(message.id, message.play, message.version, message.customer, event, message.attempt, message.trace)

    @classmethod
    def of_measure(cls, id: str, measure: Measure) -> Origin:
        """Of a finished message whose effect was measured."""
        return cls(id, measure.play, measure.version, measure.customer, measure.change_event_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a message's life, as ``act.messages.v1`` publishes it; ``more`` is what this kind of step adds."""

    type: str
    message: Origin
    at: int
    more: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What one turn did: steps to publish, and which records changed. Names that are in ``State`` no more are tombstones.

    Attributes
    ----------
    done
        The orders that were read, by the keys of their records; each with its refusal, or None where it was carried out.
    """

    steps: list[Step] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)
    measures: set[str] = field(default_factory=set)
    coupons: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    books: set[int] = field(default_factory=set)
    done: dict[bytes, Refusal | None] = field(default_factory=dict)
    moved: bool = False

    def __bool__(self) -> bool:
        changed = self.people or self.messages or self.suppressed or self.measures or self.books or self.coupons
        changed = changed or self.erased
        return bool(self.steps or changed or self.done or self.moved)
