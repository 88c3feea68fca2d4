"""Feed a trace of `act_trace` to the real owner: changes, events and the view at each hour of the test's clock.

The plays are the shipped ones, with a smaller budget and `again`, and one whose condition is evaluated twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from act_memory import Memory, Step
from act_trace import SEGMENTS, Entry, Trace

from models.customer.customer import Customer, Membership
from models.customer.decay import weight
from models.customer.profile import Consent, Profile
from models.features.context import FeatureContext
from schemas import topics
from schemas.changes import Change, ModelRef, SegmentRef, encode_change
from schemas.events import BaseEvent, CustomerErased, MessageOutcome, SubscriptionUpdated

UNITS = FeatureContext()
BOOKED = {name: frozenset(ids) for name, ids in SEGMENTS.items()}
TEMPLATES = {f"{name}.en.{part}": "Hello" for name in ("plain",) for part in ("subject", "text", "html")}
TEMPLATES |= {name.replace("plain", "named"): "Hello {{ customer.first_name }}" for name in TEMPLATES}
TEXT = Path(__file__).with_name("plays_in_time.toml").read_text(encoding="utf-8")


def text(budget: int) -> str:
    """Return the file of plays, with a budget of this many `win_back` messages per day."""
    return TEXT.replace("BUDGET", str(budget))


class People:
    """Customers currently in the view."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.found = {id: self._fresh(id) for id in trace.traits}

    def _fresh(self, id: str, value: str = "") -> Customer:
        customer = Customer(id, (0, 0), 0)
        customer.segments["value"] = Membership(value or self._trace.value[id], 0)
        customer.profile = Profile()
        customer.profile.merge_traits(self._trace.traits[id], 1, b"")
        return customer

    def take(self, entry: Entry) -> None:
        """Apply an entry as the lanes would."""
        customer = self.found[entry.customer]
        profile = customer.profile
        assert profile is not None
        match entry.what:
            case "change":
                customer.segments[entry.body["segmentation"]] = Membership(entry.body["to"], entry.at)
            case "consent":
                profile.consent = Consent(True, entry.body["granted"], True, entry.at, b"")
            case "complaint":
                profile.rate("complaint", None, weight(entry.at, UNITS.half_life))
            case "erase":
                # They return as a new customer with the same address.
                self.found[entry.customer] = self._fresh(entry.customer, customer.segments["value"].segment)


def change_of(entry: Entry) -> bytes:
    """Return the published change of an entry."""
    body = entry.body
    source, to = (SegmentRef(body[one], body[one]) for one in ("from", "to"))
    change = Change(
        event_id=body["event_id"],
        customer_id=entry.customer,
        seq=body["seq"],
        segmentation=body["segmentation"],
        from_segment=source,
        to_segment=to,
        cause=body["cause"],
        automation_safe=body["safe"],
        is_initial=False,
        changed_at=entry.at,
        trigger=None,
        model=ModelRef("rules", 1),
    )
    return encode_change(change, entry.at)


def event_of(entry: Entry) -> bytes | None:
    """Return the input event that concerns act; None for events that only lanes read."""
    common: dict[str, Any] = {
        "event_id": f"{entry.customer}-{entry.at}",
        "customer_id": entry.customer,
        "occurred_at": entry.at,
    }
    event: BaseEvent
    match entry.what:
        case "leave" | "return":
            stays = entry.what == "return"
            event = SubscriptionUpdated(
                type="subscription.updated", list=entry.body["list"], subscribed=stays, **common
            )
        case "bounced" | "complained":
            event = MessageOutcome(
                type="message.outcome", message_id="m", change_event_id="c", outcome=entry.what, **common
            )
        case "erase":
            event = CustomerErased(type="customer.erased", **common)
        case _:
            return None
    return event.model_dump_json(exclude_none=True).encode()


def endings(steps: Sequence[Step]) -> dict[tuple[str, str], tuple[str, int]]:
    """Return the outcome of each message and its time, by change and play, in the terms of `act_oracle`.

    A repeated claim is not a new outcome.
    """
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for step in steps:
        key = (step.change, step.play)
        if step.type in ("message.withheld", "message.sending", "message.dropped"):
            ended = step.gate or {"message.sending": "sent"}.get(step.type, "withheld")
            assert found.setdefault(key, (ended, step.at)) == (ended, step.at), f"{key} ended twice"
    return found


def publish(memory: Memory, people: People, entries: Iterable[Entry]) -> None:
    """Apply entries to the view, and append the changes and events that they make."""
    for entry in entries:
        people.take(entry)
        moved = entry.what == "change"
        value = change_of(entry) if moved else event_of(entry)
        if value is not None:
            memory.publish(topics.CHANGES if moved else topics.EVENTS, entry.customer, value, entry.at)
