"""A shop's 60 days as act sees them: who moved when, and what they said. All instants lie on full hours.

Made from a seed. It is what the planner gets and what the oracle of `act_oracle` reads; neither takes anything else from
the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

HOUR, DAY = 3_600_000, 86_400_000
BEGIN = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1000
"""With 60 days the clocks of Europe change within."""

What = Literal["change", "consent", "leave", "return", "bounced", "complained", "complaint", "erase"]
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Mars/Olympus", "")
LIFECYCLE = ("new", "active", "loyal", "champion", "at_risk", "hibernating")
VALUE = ("low", "medium", "high", "top")
CART = ("none", "open", "left")
SEGMENTS = {"lifecycle": LIFECYCLE, "value": VALUE, "cart": CART}


@dataclass(frozen=True)
class Entry:
    """One thing that happened to a customer."""

    at: int
    customer: str
    what: What
    body: Mapping[str, Any]


@dataclass
class Trace:
    """Customers with their traits and segments at the beginning, and all entries in order of time."""

    traits: dict[str, dict[str, Any]] = field(default_factory=dict)
    value: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    hours: int = 0

    def by_hour(self) -> Iterator[tuple[int, list[Entry]]]:
        """Every hour with what happened in it."""
        at = 0
        for hour in range(self.hours):
            now, found = BEGIN + hour * HOUR, list[Entry]()
            while at < len(self.entries) and self.entries[at].at <= now:
                found.append(self.entries[at])
                at += 1
            yield now, found


def made(customers: int, days: int, seed: int = 1) -> Trace:
    """A shop of so many customers."""
    dice, trace = random.Random(seed), Trace(hours=days * 24)
    for number in range(customers):
        id = f"c{number}"
        trace.traits[id] = _traits(id, dice)
        trace.value[id] = dice.choice(VALUE)
        trace.entries += _life(id, trace.value[id], dice, days)
    trace.entries.sort(key=lambda one: (one.at, one.customer))
    return trace


def _traits(id: str, dice: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {"email": dice.choice([f"{id}@example.org"] * 8 + [None, "no address"])}
    found["timezone"] = dice.choice(ZONES) or None
    found["first_name"] = None if dice.random() < 0.1 else "Ann"
    found["marketing_opt_in"] = False if dice.random() < 0.05 else None
    return {name: value for name, value in found.items() if value is not None}


def _life(id: str, value: str, dice: random.Random, days: int) -> Iterator[Entry]:
    """Moves and words of one customer, no two in the same hour."""
    # Every second customer does it all in one week, and meets the caps.
    first, last = 0, days * 24
    if days > 7 and dice.random() < 0.5:
        first = dice.randrange(last - 7 * 24 + 1)
        last = first + 7 * 24
    hours = sorted(dice.sample(range(first, last), dice.randrange(2, 14)))
    held = {"lifecycle": dice.choice(LIFECYCLE), "value": value, "cart": "none"}
    seq = complaints = 0
    for hour in hours:
        at, what = BEGIN + hour * HOUR, _what(dice)
        if what == "complaint":
            if complaints:
                continue
            complaints = 1
        if what == "erase":
            seq = complaints = 0
        body: dict[str, Any] = {"list": dice.choice(("offers", "offers", "reminders", "*"))}
        body["granted"] = dice.random() < 0.6
        if what == "change":
            seq += 1
            name = dice.choice(("lifecycle", "lifecycle", "lifecycle", "value", "cart"))
            to = _next(name, held[name], dice)
            body = {
                "event_id": f"{id}-{at}",
                "seq": seq,
                "segmentation": name,
                "from": held[name],
                "to": to,
                "cause": dice.choice(("time", "event", "event")) if name != "cart" else "time",
                "safe": dice.random() < 0.95,
            }
            held[name] = to
        yield Entry(at, id, what, body)


def _what(dice: random.Random) -> What:
    names: list[What] = ["change", "consent", "leave", "return", "bounced", "complained", "complaint", "erase"]
    return dice.choices(names, (78, 4, 5, 4, 2, 2, 3, 2))[0]


def _next(name: str, held: str, dice: random.Random) -> str:
    """Mostly where plays look for customers."""
    if name == "lifecycle" and dice.random() < 0.6:
        usual = {"loyal": "at_risk", "champion": "at_risk", "active": "at_risk", "at_risk": "champion"}
        if held in usual:
            return usual[held]
    return dice.choice([one for one in SEGMENTS[name] if one != held])
