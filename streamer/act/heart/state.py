"""Define the state of ``act``, as values stored one by one in ``streamer.act.v1``. Instants are epoch milliseconds."""

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
OWNER: Final = "streamer:owner"
"""Customer of messages that no customer caused; reports are sent to the shop owner."""
FIRST: Final = "first"
"""The ``cause`` of a made-up change, for customers who were already in a segment (`heart.by_hand`)."""


class Message(msgspec.Struct, array_like=True):
    """An unfinished message.

    Attributes
    ----------
    id
        Id of the message, stable over retries, restarts and edits of the play (`heart.ids`).
    version
        Version of the book that planned the message.
    change
        Change that triggered the message.
    due, expires
        Time of the next evaluation, and time from which the message is dropped.
    looked
        Whether ``if`` was evaluated after the change and only the wait is left.
    now_in
        Customer's current segment in the trigger's segmentation, by the changes read so far.
    attempt, journal
        Number of calls begun, and the journal that records the last one.
    claimed
        When the message first used up its turn; 0 before. Retries use up nothing more.
    why
        Last response of the channel.
    released
        Attempts that do not count as retries: those before a person released the message, and calls that were never made.
    trace
        Trace (W3C ``traceparent``) of the record that caused the change; empty if none.
    coupon
        Code that the message took; empty if none. Retries repeat the same code.
    approved
        Whether a person approved the message, if the first messages of its play wait for approval.
    erased
        Whether the customer was erased during the call, so that nothing of the message is kept.
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
    """A customer's turn whose effect is still to be measured.

    Attributes
    ----------
    held
        Whether the customer was held out.
    begun, due
        Orders after ``begun`` and up to ``due`` count.
    responses
        The customer's responses: ``unsubscribed``, ``complained``.
    held_from_all
        Whether the customer is held out of all marketing: then this play's arms exclude the customer.
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
    """Measurements of one arm: customers, buyers, the sum and the sum of squares of their spend."""

    n: int = 0
    bought: int = 0
    money: float = 0.0
    squares: float = 0.0


class Drawn(msgspec.Struct):
    """Customers drawn into arms, once each: the number held out, and the expected number.

    Attributes
    ----------
    expected
        Sum of the shares they were drawn by; editing the file may change the share.
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
    """All marketing together: measurements of customers who may receive it, and of those held out of all of it."""

    drawn: Drawn = msgspec.field(default_factory=Drawn)
    sent_arm: ArmState = msgspec.field(default_factory=ArmState)
    held_arm: ArmState = msgspec.field(default_factory=ArmState)


class PlayState(msgspec.Struct):
    """A play that was started at least once.

    Attributes
    ----------
    epoch
        Number of starts from ``stopped``; a new epoch draws new arms.
    since
        The play ignores changes before this instant.
    planned, sent, withheld, failed, doubtful, dropped
        ``planned = sent + withheld + failed + doubtful + waiting + sum(dropped)``; ``dropped`` by gate.
    days
        Claims by the shop's day, for the last `KEPT_DAYS` days.
    hours
        Planned messages by slice of the storm's window.
    why
        Why a rule paused the play, if one did.
    approve
        Number of messages that still need approval before the play sends on its own.
    occasion
        Last hour (ms) for which a weekly play planned its report; 0 before the first.
    sent_arm, held_arm
        Measurements of this epoch.
    responses
        Unsubscribes and complaints that name a message of this epoch.
    drawn
        Customers with a turn in this epoch, excluding those held out of all marketing.
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
    occasion: int = 0


class ChannelState(msgspec.Struct):
    """A channel's calls, for its rates and its breaker.

    Attributes
    ----------
    windows
        Calls by width of the rate's window (ms) and slice of it.
    latest
        The last 20 outcomes, 1 for a failure of the channel itself; newest last.
    opened, probe
        When the breaker opened (0 if closed), and when the next call may probe the channel.
    """

    windows: dict[int, dict[int, int]] = {}
    latest: str = ""
    opened: int = 0
    probe: int = 0


class Suppression(msgspec.Struct, array_like=True):
    """A suppressed address: for a list, or for all (``*``)."""

    list: str
    since: int
    why: str


class Erased(msgspec.Struct, array_like=True, frozen=True):
    """An erase of everything a customer did up to ``at``, from a record appended at ``appended``."""

    at: int
    appended: int


class Ledger(msgspec.Struct):
    """Position and counters of ``act``; written in every transaction.

    Attributes
    ----------
    changes, events
        Next offset of each lane.
    orders
        Next offset of ``streamer.act.v1`` itself, which contains the commands.
    book
        Newest version of the file.
    marketing
        Measurements over all plays, if `holdout` in ``[limits]`` holds out a share.
    ordered
        Numbers of the last accepted signed commands.
    salt
        Random salt, created once, for hashes of erased customers' ids.
    at
        Time of the last turn (ms), by the hour if nothing happened; 0 before the first.
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
    at: int = 0


@dataclass(slots=True)
class State:
    """The complete state, as one owner holds it in memory.

    ``by_customer`` lists the unfinished messages of each customer; ``erased`` holds recent erases, by the hash of the
    id.
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
        """Return the play with this name. Raises UserError if it was never started."""
        found = self.ledger.plays.get(name)
        if found is None:
            known = ", ".join(self.ledger.plays) or "none"
            raise UserError(f"play {name} was never started", f"plays started so far: {known}")
        return found

    def play(self, message: Message) -> Play:
        """Return the play that planned a message."""
        return self.books[message.version].plays[message.play]

    def channel(self, message: Message) -> Channel:
        """Return a message's channel, as configured by the newest file unless that has another kind of channel."""
        planned = self.books[message.version].channels[self.play(message).channel]
        newest = self.books[self.ledger.book].channels.get(planned.name)
        return newest if newest is not None and newest.kind == planned.kind else planned

    def person(self, customer: str) -> Person:
        """Return the customer's record, creating it if missing."""
        return self.people.touch(customer)

    def add(self, message: Message) -> None:
        """Add an unfinished message."""
        self.messages[message.id] = message
        self.by_customer.setdefault(message.customer, set()).add(message.id)

    def remove(self, message: Message) -> None:
        """Remove a finished message."""
        del self.messages[message.id]
        rest = self.by_customer[message.customer]
        rest.discard(message.id)
        if not rest:
            del self.by_customer[message.customer]

    def unaccounted(self) -> int:
        """Return the number of messages planned but not accounted for, over all plays; always 0."""
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
    """The message of a step, with the fields common to all steps."""

    id: str
    play: str
    version: int
    customer: str
    change_event_id: str
    attempt: int = 0
    trace: str = ""

    @classmethod
    def of(cls, message: Message) -> Origin:
        """Return the origin for an unfinished message."""
        event = message.change.event_id
        return cls(message.id, message.play, message.version, message.customer, event, message.attempt, message.trace)

    @classmethod
    def of_measure(cls, id: str, measure: Measure) -> Origin:
        """Return the origin for a finished message whose effect was measured."""
        return cls(id, measure.play, measure.version, measure.customer, measure.change_event_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a message's life, as published in ``act.messages.v1``. ``more`` has the fields of its type."""

    type: str
    message: Origin
    at: int
    more: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """The effects of one turn: steps to publish, and changed records. A name missing from ``State`` is a tombstone.

    Attributes
    ----------
    done
        Commands read, by record key: the reason for a rejection, or None if carried out.
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
