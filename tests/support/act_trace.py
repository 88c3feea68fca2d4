"""Generate 60 days of a shop as act sees them: moves and signals of customers. All instants are on full hours.

Made from a seed. The planner and the oracle of `act_oracle` read it, and share nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

HOUR, DAY = 3_600_000, 86_400_000
BEGIN = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1000
"""Start of the trace. European clocks change within its 60 days."""

What = Literal["change", "consent", "leave", "return", "bounced", "complained", "complaint", "erase"]
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Mars/Olympus", "")
LIFECYCLE = ("new", "active", "loyal", "champion", "at_risk", "hibernating")
VALUE = ("low", "medium", "high", "top")
CART = ("none", "open", "left")
SEGMENTS = {"lifecycle": LIFECYCLE, "value": VALUE, "cart": CART}


@dataclass(frozen=True)
class Entry:
    """An event in a customer's life."""

    at: int
    customer: str
    what: What
    body: Mapping[str, Any]


@dataclass
class Trace:
    """Customers with their traits and segments at the start, and all entries in time order."""

    traits: dict[str, dict[str, Any]] = field(default_factory=dict)
    value: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    hours: int = 0

    def by_hour(self) -> Iterator[tuple[int, list[Entry]]]:
        """Yield every hour with its entries."""
        at = 0
        for hour in range(self.hours):
            now, found = BEGIN + hour * HOUR, list[Entry]()
            while at < len(self.entries) and self.entries[at].at <= now:
                found.append(self.entries[at])
                at += 1
            yield now, found


def made(customers: int, days: int, seed: int = 1) -> Trace:
    """Return the trace of a shop with this number of customers."""
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
    """Yield moves and signals of one customer, at most one per hour."""
    # Every second customer does everything in one week, and reaches the caps.
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
    """Return the next segment, usually one that plays react to."""
    if name == "lifecycle" and dice.random() < 0.6:
        usual = {"loyal": "at_risk", "champion": "at_risk", "active": "at_risk", "at_risk": "champion"}
        if held in usual:
            return usual[held]
    return dice.choice([one for one in SEGMENTS[name] if one != held])
