"""Coupon codes: those of pools that a shop loads, each given to one message and never again, and those made from an id.

A code is taken in the transaction that claims its message, so neither a kill nor a restart gives it a second time.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from models.customer.customer import Customer
from models.features.traits import text_trait
from streamer.act.heart.local import zone
from streamer.act.plays.coupon_rule import CouponRule


class Coupon(msgspec.Struct, array_like=True, omit_defaults=True):
    """One code. New fields go to the end, with a default.

    Attributes
    ----------
    pool
        Empty for a code that was made from a message's id.
    given, used
        When a message took it, and when an order named it (ms); 0 for not yet.
    play
        Whose message took it.
    message, customer
        Which message took it and whose; empty again once the customer is erased.
    """

    pool: str = ""
    given: int = 0
    used: int = 0
    play: str = ""
    message: str = ""
    customer: str = ""


class Given(NamedTuple):
    """What a message says of its coupon; ``until`` is the last day (local to the customer), None where it has no end."""

    code: str
    until: date | None


class Pool(NamedTuple):
    """How many codes of a pool are free, given to messages, and used in orders."""

    free: int
    given: int
    used: int


class Coupons:
    """All codes by what they are. Free ones are given in the order in which they were loaded."""

    def __init__(self) -> None:
        self._codes: dict[str, Coupon] = {}
        self._free: dict[str, OrderedDict[str, None]] = {}
        self._given: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._of: dict[str, set[str]] = {}

    def get(self, code: str) -> Coupon | None:
        """The coupon with this code."""
        return self._codes.get(code)

    def put(self, code: str, coupon: Coupon) -> None:
        """Store a coupon, replacing any earlier state of its code."""
        if (before := self._codes.get(code)) is not None:
            self._count(code, before, -1)
        self._codes[code] = coupon
        self._count(code, coupon, 1)

    def _count(self, code: str, coupon: Coupon, sign: int) -> None:
        free = self._free.setdefault(coupon.pool, OrderedDict())
        if not coupon.given:
            if sign > 0:
                free[code] = None
            else:
                free.pop(code, None)
            return
        self._given[coupon.pool] += sign
        self._used[coupon.pool] += sign * bool(coupon.used)
        if coupon.customer:
            held = self._of.setdefault(coupon.customer, set())
            (held.add if sign > 0 else held.discard)(code)
            if not held:
                del self._of[coupon.customer]

    def load(self, pool: str, codes: Iterable[str]) -> list[str]:
        """Add codes to a pool; gives those that no pool had before. A known code stays what it is, given or not."""
        new = [code for code in dict.fromkeys(codes) if code not in self._codes]
        for code in new:
            self.put(code, Coupon(pool))
        return new

    def offered(self, rule: CouponRule, made_code: str) -> str | None:
        """The code for the next message of a play; None where its pool is exhausted. Nothing is taken yet."""
        if rule.made:
            return rule.made.replace("{code}", made_code)
        return next(iter(self._free.get(rule.pool, ())), None)

    def give(self, code: str, rule: CouponRule, play: str, message: str, customer: str, now: int) -> None:
        """A message takes a code: nobody else gets it any more."""
        self.put(code, Coupon(rule.pool, now, 0, play, message, customer))

    def use(self, code: str, at: int) -> bool:
        """An order names a code; False where it was not given, or is used already."""
        found = self._codes.get(code)
        if found is None or not found.given or found.used:
            return False
        self.put(code, msgspec.structs.replace(found, used=at))
        return True

    def forget(self, customer: str) -> list[str]:
        """Untie an erased customer's codes from them; gives these codes. They stay given."""
        codes = sorted(self._of.get(customer, ()))
        for code in codes:
            self.put(code, msgspec.structs.replace(self._codes[code], message="", customer=""))
        return codes

    def pools(self) -> dict[str, Pool]:
        """Every pool that was ever loaded, exhausted ones too."""
        return {
            name: Pool(len(free), self._given[name], self._used[name])
            for name, free in sorted(self._free.items())
            if name
        }

    def of_play(self, play: str) -> Iterator[Coupon]:
        """Codes that messages of a play took."""
        return (one for one in self._codes.values() if one.given and one.play == play)


def given(code: str, rule: CouponRule | None, customer: Customer | None, timezone: str, at: int) -> Given | None:
    """What a message that used up its turn at ``at`` (ms) says of its code; days are the customer's. None without a rule."""
    if rule is None:
        return None
    if not rule.valid:
        return Given(code, None)
    where, _ = zone(None if customer is None else text_trait(customer, "timezone"), timezone)
    return Given(code, (datetime.fromtimestamp(at / 1000, where) + timedelta(milliseconds=rule.valid)).date())
