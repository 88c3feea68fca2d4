"""Run act without servers: a file of plays, customers, a clock set by the test, and the heart called as by the owner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.customer.customer import Customer, Membership
from models.customer.profile import Consent, Profile
from models.features.context import FeatureContext
from models.rules.defaults import DEFAULTS
from schemas.changes import Change, ModelRef, ReceivedChange, SegmentRef, encode_change
from streamer.act.heart import due as gates
from streamer.act.heart.address import Addresses
from streamer.act.heart.due import Policy, Verdict, due
from streamer.act.heart.moves import finish
from streamer.act.heart.plan import plan
from streamer.act.heart.state import Message, Outcome, PlayState, State
from streamer.act.plays.book import Book
from streamer.act.plays.declared import load, segments_of

HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 20_800 * DAY + 12 * HOUR
"""An instant at noon UTC, outside all quiet hours."""
SEGMENTS = segments_of(DEFAULTS)
POLICY = Policy(FeatureContext(), "UTC", True, Addresses(b"secret"))

HEAD = """
[shop]
name = "Lamp & Leaf"
address = "1 Leaf Street"
web = "https://hello.lampleaf.example"
[channels.mail]
kind = "smtp"
host = "localhost"
from = "hello@lampleaf.example"
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:1/"
"""
PLAY = """
[plays.{name}]
when = {{ segmentation = "lifecycle", to = ["at_risk"] }}
channel = "{channel}"
again = "{again}"
holdout = {holdout}
{more}
"""


def play(
    name: str = "win_back", *, channel: str = "mail", again: str = "30 days", holdout: float = 0, more: str = ""
) -> str:
    """Return one play of a file."""
    return PLAY.format(name=name, channel=channel, again=again, holdout=holdout, more=more)


def book(*plays: str, limits: str = "", version: int = 1) -> Book:
    """Return a file with these plays."""
    text = HEAD + (f"[limits]\n{limits}\n" if limits else "") + "".join(plays or [play()])
    return load(text, version, SEGMENTS)


def customer(id: str = "ann", *, marketing: bool | None = None, segment: str = "at_risk", **traits: Any) -> Customer:
    """Return a customer with an address, in a segment."""
    found = Customer(id, (0, 0), 0)
    found.segments["lifecycle"] = Membership(segment, 0)
    found.profile = Profile()
    found.profile.merge_traits({"email": f"{id}@example.org", **traits}, 1, b"")
    if marketing is not None:
        found.profile.consent = Consent(True, marketing, True, 1, b"")
    return found


def change(id: str = "ann", seq: int = 1, at: int = NOON, **more: Any) -> ReceivedChange:
    """Return a change of a customer who became at risk."""
    fields: dict[str, Any] = {
        "event_id": f"{id}-{seq}",
        "customer_id": id,
        "seq": seq,
        "segmentation": "lifecycle",
        "from_segment": SegmentRef("loyal", "Loyal"),
        "to_segment": SegmentRef("at_risk", "At risk"),
        "cause": "time",
        "automation_safe": True,
        "changed_at": datetime.fromtimestamp(at / 1000, UTC),
    }
    return ReceivedChange(**{**fields, **more})


NAMES, PARTS = ("low", "high", "asks", "service", "late"), ("subject", "text", "html")
TEMPLATES = {f"{name}.en.{part}": "Hello" for name in NAMES for part in PARTS}


def moved(id: str, seq: int, at: int, to: str = "at_risk", source: str = "loyal") -> bytes:
    """Return the published change of a move."""
    change = Change(
        event_id=f"{id}-{seq}",
        customer_id=id,
        seq=seq,
        segmentation="lifecycle",
        from_segment=SegmentRef(source, source),
        to_segment=SegmentRef(to, to),
        cause="time",
        automation_safe=True,
        is_initial=False,
        changed_at=at,
        trigger=None,
        model=ModelRef("rules", 1),
    )
    return encode_change(change, at)


def declared(*plays: str, limits: str) -> Book:
    """Return a file with these plays, and a short template for each play named in `NAMES`."""
    found = book(*plays, limits=limits)
    return load(found.text, 1, SEGMENTS, TEMPLATES)


class World:
    """State, and the customers in the view."""

    def __init__(self, found: Book, customers: Mapping[str, Customer] | None = None, policy: Policy = POLICY) -> None:
        self.state = State()
        self.state.books[found.version] = found
        self.state.ledger.book = found.version
        self.state.ledger.plays = {name: PlayState("running", found.version, 1, 0) for name in found.plays}
        self.customers = dict(customers or {"ann": customer()})
        self.policy = policy
        self.steps: list[tuple[str, str, dict[str, Any]]] = []

    def take(self, one: ReceivedChange, now: int = NOON, customers: int = 0) -> list[Message]:
        """Plan a change, and return the messages it planned."""
        outcome, known = Outcome(), set(self.state.messages)
        plan(one, self.state, outcome, now, customers)
        self._note(outcome)
        return [message for id, message in self.state.messages.items() if id not in known]

    def judge(self, message: Message, now: int = NOON, under_way: int = 0) -> Verdict:
        """Return the verdict on a message without applying it."""
        return due(message, self.customers.get(message.customer), self.state, self.policy, under_way, now)

    def apply(self, message: Message, now: int = NOON) -> Verdict:
        """Return the verdict on a message, applied as far as no call is needed; a send counts as sent."""
        verdict, outcome = self.judge(message, now), Outcome()
        match verdict:
            case gates.Drop(gate, seen):
                finish(self.state, outcome, message, now, gate, seen)
            case gates.Wait(until, gate):
                message.looked = message.looked or gate == "looked"
                message.due = until
            case gates.Send() | gates.Withhold():
                gates.use_up(message, self.state, self.policy, self.customers.get(message.customer), now)
                counters = self.state.ledger.plays[message.play]
                counters.sent += isinstance(verdict, gates.Send)
                counters.withheld += isinstance(verdict, gates.Withhold)
                self.state.remove(message)
        self._note(outcome)
        return verdict

    def _note(self, outcome: Outcome) -> None:
        self.steps += [(step.type, step.message.id, step.more) for step in outcome.steps]
