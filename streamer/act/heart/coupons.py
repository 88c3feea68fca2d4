"""Manage coupon codes: loaded into pools and used once each, or generated from a message id.

The transaction that claims a message also takes its code, so a kill or restart never uses a code twice.
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
    """One code. Append new fields at the end, with a default.

    Attributes
    ----------
    pool
        Pool of the code; empty for a code generated from a message id.
    given, used
        When a message took the code and when an order used it (epoch ms); 0 before.
    play
        Play of that message.
    message, customer
        Message that took the code, and its customer; cleared when the customer is erased.
    """

    pool: str = ""
    given: int = 0
    used: int = 0
    play: str = ""
    message: str = ""
    customer: str = ""


class Given(NamedTuple):
    """The coupon as shown in a message. ``until`` is the last day, local to the customer; None if it has no end."""

    code: str
    until: date | None


class Pool(NamedTuple):
    """Number of a pool's codes that are free, taken by messages, and used in orders."""

    free: int
    given: int
    used: int


class Coupons:
    """All coupons by code. Free codes are used in loading order."""

    def __init__(self) -> None:
        self._codes: dict[str, Coupon] = {}
        self._free: dict[str, OrderedDict[str, None]] = {}
        self._given: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._of: dict[str, set[str]] = {}

    def get(self, code: str) -> Coupon | None:
        """Return the coupon with this code, or None."""
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
        """Add codes to a pool, and return those that were in no pool before. A known code keeps its state."""
        new = [code for code in dict.fromkeys(codes) if code not in self._codes]
        for code in new:
            self.put(code, Coupon(pool))
        return new

    def offered(self, rule: CouponRule, made_code: str) -> str | None:
        """Return the code for the next message of a play, without taking it; None if its pool is exhausted."""
        if rule.made:
            return rule.made.replace("{code}", made_code)
        return next(iter(self._free.get(rule.pool, ())), None)

    def give(self, code: str, rule: CouponRule, play: str, message: str, customer: str, now: int) -> None:
        """Assign a code to a message, so that no other message can take it."""
        self.put(code, Coupon(rule.pool, now, 0, play, message, customer))

    def use(self, code: str, at: int) -> bool:
        """Record that an order used a code. Return False if no message took it or it is already used."""
        found = self._codes.get(code)
        if found is None or not found.given or found.used:
            return False
        self.put(code, msgspec.structs.replace(found, used=at))
        return True

    def forget(self, customer: str) -> list[str]:
        """Unlink an erased customer's codes and return them. They remain taken."""
        codes = sorted(self._of.get(customer, ()))
        for code in codes:
            self.put(code, msgspec.structs.replace(self._codes[code], message="", customer=""))
        return codes

    def pools(self) -> dict[str, Pool]:
        """Return every pool ever loaded, including exhausted ones."""
        return {
            name: Pool(len(free), self._given[name], self._used[name])
            for name, free in sorted(self._free.items())
            if name
        }

    def of_play(self, play: str) -> Iterator[Coupon]:
        """Yield the codes that a play's messages took."""
        return (one for one in self._codes.values() if one.given and one.play == play)


def given(code: str, rule: CouponRule | None, customer: Customer | None, timezone: str, at: int) -> Given | None:
    """Return the coupon of a message claimed at ``at`` (ms), with days in the customer's time zone; None without a rule."""
    if rule is None:
        return None
    if not rule.valid:
        return Given(code, None)
    where, _ = zone(None if customer is None else text_trait(customer, "timezone"), timezone)
    return Given(code, (datetime.fromtimestamp(at / 1000, where) + timedelta(milliseconds=rule.valid)).date())
