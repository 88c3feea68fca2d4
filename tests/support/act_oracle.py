"""Determine what must become of each message of the plays in `act_plays_text`, from the whole trace, hour by hour.

This is a separate program that shares no code with the planner. It keeps lists of everything sent and searches them,
spells out each play's rule, and looks at every open message in every hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from act_trace import DAY, HOUR, Entry, Trace

SHOP_ZONE = "Europe/Berlin"
QUIET = range(8, 21)
"""Local hours in which messages may be sent."""
ALL_HELD, HELD = 0.05, 0.2
HALF_LIFE = 25 * DAY


@dataclass(frozen=True)
class Rule:
    """One play's rule, written out."""

    name: str
    answers: Callable[[dict[str, Any]], bool]
    to: frozenset[str]
    again: int
    marketing: bool = True
    list: str = "offers"
    to_owner: bool = False
    wait: int = 0
    still: bool = False
    expires: int = 3 * DAY
    quiet: bool = True
    budget: bool = False
    priority: int = 0
    wants: Callable[[str], bool] | None = None
    no_complaint: bool = False
    needs_name: bool = False
    coupon: bool = False


def _moved(
    name: str, to: set[str], source: set[str] | None = None, cause: str = ""
) -> Callable[[dict[str, Any]], bool]:
    def answers(body: dict[str, Any]) -> bool:
        return bool(
            body["safe"]
            and body["segmentation"] == name
            and body["to"] in to
            and (source is None or body["from"] in source)
            and (not cause or body["cause"] == cause)
        )

    return answers


SILENT, RICH = {"at_risk", "hibernating"}, {"high", "top"}
RULES = (
    Rule(
        "first_order",
        _moved("lifecycle", {"new"}, cause="event"),
        frozenset({"new"}),
        10**15,
        marketing=False,
        quiet=False,
    ),
    Rule(
        "cart_left",
        _moved("cart", {"left"}, cause="time"),
        frozenset({"left"}),
        14 * DAY,
        list="reminders",
        still=True,
        expires=DAY,
        priority=20,
    ),
    Rule(
        "win_back",
        _moved("lifecycle", SILENT, {"active", "loyal", "champion"}, "time"),
        frozenset(SILENT),
        20 * DAY,
        wait=DAY,
        still=True,
        budget=True,
        priority=10,
        no_complaint=True,
        needs_name=True,
    ),
    Rule(
        "vip_at_risk",
        _moved("lifecycle", {"at_risk"}, {"champion"}),
        frozenset({"at_risk"}),
        30 * DAY,
        marketing=False,
        to_owner=True,
        wants=lambda value: value in RICH,
    ),
    Rule(
        "high_value",
        _moved("value", RICH, {"low", "medium"}, "event"),
        frozenset(RICH),
        180 * DAY,
        wait=2 * DAY,
        still=True,
        priority=5,
        no_complaint=True,
        coupon=True,
    ),
    # Not one of the five: a condition that is evaluated when the change happens and again after the wait.
    Rule(
        "nurse",
        _moved("lifecycle", {"active", "loyal"}),
        frozenset({"active", "loyal"}),
        5 * DAY,
        wait=6 * HOUR,
        still=True,
        expires=12 * HOUR,
        priority=1,
        wants=lambda value: value != "low",
    ),
)


@dataclass
class Open:
    """An unfinished message."""

    id: str
    rule: Rule
    customer: str
    body: dict[str, Any]
    planned: int
    due: int
    looked: bool
    now_in: str


@dataclass
class Person:
    """Everything remembered about one customer since the last erase."""

    turns: list[tuple[int, str, bool]] = field(default_factory=list)
    wants: dict[str, bool] = field(default_factory=dict)
    refused: bool = False
    written: bool = False


class Oracle:
    """Reads a trace; ``became`` holds the outcome and time of the message for each change and play."""

    def __init__(self, trace: Trace, codes: int, budget: int) -> None:
        self.became: dict[tuple[str, str], tuple[str, int]] = {}
        self._trace, self._codes, self._budget = trace, codes, budget
        self._people: dict[str, Person] = {}
        self._open: list[Open] = []
        self._value = dict(trace.value)
        self._complained: dict[str, int] = {}
        self._granted: dict[str, bool] = {}
        # Addresses, by list, that outlive their customers.
        self._refused_addresses: dict[tuple[str, str], str] = {}
        self._budgets: dict[tuple[str, date], int] = {}

    def run(self) -> Oracle:
        for now, entries in self._trace.by_hour():
            for entry in entries:
                self._take(entry, now)
            for one in sorted(self._open, key=lambda one: (-one.rule.priority, one.due, one.id)):
                if one.due <= now:
                    self._judge(one, now)
            self._open = [one for one in self._open if (one.body["event_id"], one.rule.name) not in self.became]
        return self

    @property
    def waiting(self) -> set[tuple[str, str]]:
        """Messages that are unfinished at the end."""
        return {(one.body["event_id"], one.rule.name) for one in self._open}

    # -- what happens -----------------------------------------------------------------------------------------

    def _take(self, entry: Entry, now: int) -> None:
        id, body = entry.customer, dict(entry.body)
        person = self._people.setdefault(id, Person())
        email = self._trace.traits[id].get("email", "")
        match entry.what:
            case "change":
                self._move(id, body, now)
            case "consent":
                self._granted[id] = body["granted"]
            case "complaint":
                self._complained[id] = entry.at
            case "leave" | "return":
                stays = entry.what == "return"
                person.wants[body["list"]] = stays
                key = (email, body["list"])
                if person.written and self._refused_addresses.get(key, "left") == "left":
                    if stays:
                        self._refused_addresses.pop(key, None)
                    else:
                        self._refused_addresses[key] = "left"
            case "bounced" | "complained":
                if person.written:
                    self._refused_addresses[email, "*"] = "for good"
                else:
                    person.refused = True
            case "erase":
                for one in self._open:
                    if one.customer == id:
                        self._end(one, "erased", now)
                self._open = [one for one in self._open if one.customer != id]
                self._people[id] = Person()
                self._complained.pop(id, None)
                self._granted.pop(id, None)

    def _move(self, id: str, body: dict[str, Any], now: int) -> None:
        for one in self._open:
            if one.customer == id and one.body["segmentation"] == body["segmentation"]:
                one.now_in = body["to"]
        if body["segmentation"] == "value":
            self._value[id] = body["to"]
        for rule in RULES:
            if rule.answers(body):
                name = f"{body['event_id']}/{rule.name}/1"
                message = str(uuid5(UUID("5f2f6a3e-3b3c-5a0e-8f0e-9f7f2c1d4b22"), name))
                due = now if rule.wants is not None else now + rule.wait
                self._open.append(Open(message, rule, id, body, now, due, rule.wants is None, body["to"]))

    # -- what becomes of a message ----------------------------------------------------------------------------

    def _end(self, one: Open, what: str, now: int) -> None:
        self.became[one.body["event_id"], one.rule.name] = (what, now)

    def _judge(self, one: Open, now: int) -> None:
        rule = one.rule
        if rule.wants is not None and not rule.wants(self._value[one.customer]):
            self._end(one, "if", now)
            return
        if not one.looked:
            one.looked = True
            if now < one.planned + rule.wait:
                one.due = one.planned + rule.wait
                return
        found = self._refusal(one, now)
        if found is None and rule.quiet:
            until = self._quiet_until(one.customer, now)
            if until > now:
                one.due = min(until, one.planned + rule.wait + rule.expires)
                return
        found = found or self._moved_on(one, now) or self._capped(one, now)
        today = datetime.fromtimestamp(now / 1000, ZoneInfo(SHOP_ZONE)).date()
        if found is None and rule.budget and self._budgets.get((rule.name, today), 0) >= self._budget:
            day = self._midnight(today, now)
            day = self._quiet_until(one.customer, day) if rule.quiet else day
            one.due = min(day, one.planned + rule.wait + rule.expires)
            return
        if found is None and rule.coupon and not self._codes:
            found = "coupon"
        if found is None and rule.needs_name and "first_name" not in self._trace.traits[one.customer]:
            found = "render"
        if found is not None:
            self._end(one, found, now)
            return
        self._budgets[rule.name, today] = self._budgets.get((rule.name, today), 0) + 1
        person = self._people[one.customer]
        person.turns.append((now, rule.name, rule.marketing))
        if self._held(rule, one.customer):
            self._end(one, "withheld", now)
            return
        self._codes -= rule.coupon
        person.written = person.written or not rule.to_owner
        self._end(one, "sent", now)

    def _refusal(self, one: Open, now: int) -> str | None:
        """Return why a customer must not get messages (any more), or None."""
        rule, person = one.rule, self._people[one.customer]
        email = self._trace.traits[one.customer].get("email", "")
        if not rule.to_owner and "@" not in email:
            return "contactable"
        if rule.marketing:
            opted_out = self._trace.traits[one.customer].get("marketing_opt_in") is False
            if opted_out or not self._granted.get(one.customer, True):
                return "consent"
            if not person.wants.get("*", True) or not person.wants.get(rule.list, True):
                return "list"
        if person.refused and not person.written:
            return "suppressed"
        for list in ("*", rule.list):
            held = "" if rule.to_owner else self._refused_addresses.get((email, list), "")
            if held == "for good" or (held == "left" and rule.marketing):
                return "suppressed"
        if any(name == rule.name and now - at < rule.again for at, name, _ in person.turns):
            return "again"
        return "expires" if now >= one.planned + rule.wait + rule.expires else None

    def _moved_on(self, one: Open, now: int) -> str | None:
        complained = self._complained.get(one.customer)
        if one.rule.no_complaint and complained is not None and now - complained < HALF_LIFE:
            return "unless"
        gone = one.now_in != one.body["to"] and one.now_in not in one.rule.to
        return "still" if one.rule.still and gone else None

    def _capped(self, one: Open, now: int) -> str | None:
        if not one.rule.marketing:
            return None
        where = self._zone(one.customer)
        today = datetime.fromtimestamp(now / 1000, where).date()
        days = [
            (today - datetime.fromtimestamp(at / 1000, where).date()).days
            for at, _, marketing in self._people[one.customer].turns
            if marketing
        ]
        return "cap" if days.count(0) >= 1 or sum(day < 7 for day in days) >= 3 else None

    def _held(self, rule: Rule, id: str) -> bool:
        def drawn(name: str) -> float:
            return int.from_bytes(blake2b(f"{name}/{id}".encode(), digest_size=8).digest(), "big") / 2.0**64

        return rule.marketing and (drawn(f"{rule.name}@1") < HELD or drawn("*") < ALL_HELD)

    # -- the customer's clock ---------------------------------------------------------------------------------

    def _zone(self, id: str) -> ZoneInfo:
        body = self._trace.traits[id].get("timezone", SHOP_ZONE)
        return ZoneInfo(SHOP_ZONE if body.startswith("Mars") else body)

    def _quiet_until(self, id: str, now: int) -> int:
        where, at = self._zone(id), now
        while datetime.fromtimestamp(at / 1000, where).hour not in QUIET:
            at += 60_000
        return at

    @staticmethod
    def _midnight(today: date, now: int) -> int:
        at = now
        while datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(SHOP_ZONE)).date() == today:
            at += HOUR
        return at
