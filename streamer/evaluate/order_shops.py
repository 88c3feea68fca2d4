"""Shops that record only orders, with their truth: subscriptions, markets, wholesale, and identical buyers.

The simulated shop of ``streamer demo`` has clicks, which separate its kinds and are most of its events. Here every
event is an order and many customers keep a rhythm, so a move without cause weighs several times as much. Days are whole
days, and everything is derived from one seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isinf
from typing import Final, Literal

import numpy as np

from models.behaviour import bucket
from models.behaviour.layout import BoolArray, IntArray
from streamer.evaluate.activity import Activity, fold
from streamer.evaluate.metrics import LONG_AGO, Truth

FIRST_DAY: Final = 20_000
STOPPED: Final = "stopped"
_JOIN_DAYS = 60  # most customers have joined by then
_LATE_JOIN_DAYS = 250
_EARLY = 0.8
_CHANGE_DAYS = (40, 300)
_SATURDAY = 5
_WEEK = 7

Rhythm = Literal["chance", "clock", "erlang", "saturday"]


@dataclass(frozen=True, slots=True)
class Kind:
    """The buying behaviour of one kind of customer.

    Attributes
    ----------
    gap
        Mean days between orders; infinite for no further order.
    price
        Usual order value in major units.
    rhythm
        Random (Poisson), on due days (``clock``), with Erlang-5 gaps, or on Saturdays.
    late
        Clocks only: maximum delay in days after the due day.
    skips
        Clocks only: share of due orders that are skipped.
    spread, own_spread
        Standard deviations of the log order value, within and between customers.
    uneven
        Variance of each customer's factor on the rate (Gamma, mean 1).
    """

    gap: float
    price: float
    rhythm: Rhythm = "chance"
    late: int = 0
    skips: float = 0.0
    spread: float = 0.0
    own_spread: float = 0.0
    uneven: float = 0.0


@dataclass(frozen=True, slots=True)
class OrderShop:
    """A shop of such customers.

    Attributes
    ----------
    kinds
        Kinds by name, with the share of customers who begin as each.
    becomes
        For each kind, the shares of its customers who become other kinds on a day between 40 and 300.
    season
        First day, last day and factor on all orders between.
    """

    customers: int
    kinds: Mapping[str, tuple[Kind, float]]
    becomes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    days: int = 365
    season: tuple[int, int, float] = (0, 0, 1.0)

    def kind(self, name: str) -> Kind:
        return _STOPPED_KIND if name == STOPPED and name not in self.kinds else self.kinds[name][0]

    @property
    def names(self) -> list[str]:
        """Names of all kinds that a customer can be of."""
        others = [name for after in self.becomes.values() for name in after]
        return list(dict.fromkeys([*self.kinds, *others]))


_STOPPED_KIND: Final = Kind(inf, 1.0)


def _ordinary(gap: float, price: float, spread: float = 0.48) -> Kind:
    return Kind(gap, price, spread=spread, own_spread=0.2, uneven=0.09)


def _wholesale(gap: float, price: float) -> Kind:
    return Kind(gap, price, "erlang", spread=0.3, own_spread=0.3)


SHOPS: Final[dict[str, OrderShop]] = {
    # With one kind of customer there is one segment, and no customer may move.
    "weekly-same": OrderShop(400, {"box": (Kind(7, 14, "clock"), 1.0)}),
    "monthly-same": OrderShop(500, {"plan": (Kind(30, 9.9, "clock", late=3, skips=0.03), 1.0)}),
    "alike": OrderShop(800, {"one": (Kind(30, 25, spread=0.3), 1.0)}),
    "weekly": OrderShop(
        500,
        {
            "small": (Kind(7, 14, "clock", late=1), 0.55),
            "large": (Kind(7, 38, "clock", late=1), 0.25),
            "fortnight": (Kind(14, 14, "clock", late=1), 0.20),
        },
        {
            "small": {STOPPED: 0.20, "fortnight": 0.05, "large": 0.04},
            "large": {STOPPED: 0.15, "small": 0.05},
            "fortnight": {STOPPED: 0.20, "small": 0.05},
        },
    ),
    "monthly": OrderShop(
        800,
        {
            "basic": (Kind(30, 9.9, "clock", late=3), 0.6),
            "plus": (Kind(30, 29.9, "clock", late=3), 0.3),
            "quarter": (Kind(90, 27, "clock", late=3), 0.1),
        },
        {
            "basic": {STOPPED: 0.20, "plus": 0.06},
            "plus": {STOPPED: 0.15, "basic": 0.06},
            "quarter": {STOPPED: 0.10},
        },
    ),
    # A mixture of subscribers and random buyers.
    "mixture": OrderShop(
        1_500,
        {
            "subscriber": (Kind(30, 19.9, "clock", late=2), 0.45),
            "regular": (_ordinary(15, 43), 0.20),
            "occasional": (_ordinary(50, 60), 0.25),
            "lapsed": (Kind(400, 40, spread=0.48), 0.10),
        },
        {
            "subscriber": {"lapsed": 0.15, "regular": 0.05},
            "regular": {"lapsed": 0.08, "subscriber": 0.05, "occasional": 0.05},
            "occasional": {"regular": 0.08, "lapsed": 0.08},
        },
    ),
    "b2b": OrderShop(
        260,
        {
            "large": (_wholesale(4, 1_800), 0.15),
            "middle": (_wholesale(9, 400), 0.35),
            "small": (_wholesale(30, 150), 0.50),
        },
        {
            "large": {"middle": 0.08, STOPPED: 0.08},
            "middle": {"small": 0.06, "large": 0.05, STOPPED: 0.10},
            "small": {"middle": 0.06, STOPPED: 0.12},
        },
    ),
    "saturday": OrderShop(
        1_000,
        {
            "weekly": (Kind(7.8, 22, "saturday", spread=0.3), 0.3),
            "monthly": (Kind(25, 30, "saturday", spread=0.3), 0.4),
            "rare": (Kind(110, 35, "saturday", spread=0.4), 0.3),
        },
        {
            "weekly": {"monthly": 0.08, "rare": 0.07},
            "monthly": {"weekly": 0.08, "rare": 0.07},
            "rare": {"monthly": 0.08},
        },
    ),
    # Christmas: 3.5 times the orders for five weeks.
    "season": OrderShop(
        1_200,
        {
            "often": (_ordinary(10, 40, 0.4), 0.25),
            "some": (_ordinary(35, 55, 0.4), 0.40),
            "rare": (_ordinary(140, 60, 0.4), 0.35),
        },
        {"often": {"some": 0.07, "rare": 0.06}, "some": {"often": 0.07, "rare": 0.06}, "rare": {"some": 0.07}},
        days=425,
        season=(320, 358, 3.5),
    ),
    "one-price": OrderShop(
        1_200,
        {
            "often": (Kind(8, 25, uneven=0.05), 0.25),
            "some": (Kind(28, 25, uneven=0.05), 0.40),
            "rare": (Kind(120, 25, uneven=0.05), 0.35),
        },
        {"often": {"some": 0.08, "rare": 0.07}, "some": {"often": 0.08, "rare": 0.07}, "rare": {"some": 0.08}},
    ),
    "small": OrderShop(
        220,
        {"often": (_ordinary(9, 30, 0.4), 0.3), "some": (_ordinary(40, 70, 0.4), 0.7)},
        {"often": {"some": 0.10}, "some": {"often": 0.08}},
    ),
}
ALIKE: Final = ("weekly-same", "monthly-same", "alike")
"""Shops with only one kind of customer."""


def order_shop(name: str, seed: int, customers: int | None = None) -> tuple[Activity, Truth]:
    """Return a shop's activity and truth; kinds are numbered in the order of ``OrderShop.names``."""
    shop = SHOPS[name]
    rng = np.random.default_rng((seed, *name.encode()))
    count = customers or shop.customers
    names, code = shop.names, {kind: at for at, kind in enumerate(shop.names)}
    shares = np.array([shop.kinds[kind][1] if kind in shop.kinds else 0.0 for kind in names])
    kind = np.full((shop.days + 1, count), -1, dtype=np.int8)
    changed = np.full(count, LONG_AGO, dtype=np.int64)
    after = np.full(count, -1, dtype=np.int64)
    gap = np.full(count, inf)
    days: list[int] = []
    who: list[int] = []
    values: list[float] = []
    for customer in range(count):
        taste = float(rng.normal())
        spells = _spells(shop, str(rng.choice(names, p=shares / shares.sum())), rng)
        for i, (begin, name_now) in enumerate(spells):
            end = spells[i + 1][0] if i + 1 < len(spells) else shop.days
            one = shop.kind(name_now)
            kind[begin:, customer] = code[name_now]
            found = _seasoned(_order_days(one, begin, end, i == 0, rng), shop, end, rng)
            if i == 0:
                gap[customer] = one.gap
                found = found or [begin]
            days += found
            who += [customer] * len(found)
            values += (one.price * np.exp(one.own_spread * taste + one.spread * rng.normal(size=len(found)))).tolist()
        if len(spells) > 1:
            changed[customer], after[customer] = spells[1][0], code[spells[1][1]]
    activity = _of_orders(count, shop.days, days, who, values)
    stopped = code.get(STOPPED, -1)
    clocks = np.isin(kind, [code[name] for name, (one, _) in shop.kinds.items() if one.rhythm == "clock"])
    regular: BoolArray = np.asarray(np.where(kind >= 0, clocks, True).all(axis=0))
    return activity, Truth(kind, activity.met, changed, after, gap=gap, regular=regular, stopped=stopped)


def _spells(shop: OrderShop, first: str, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Draw a customer's first day and kind, and the day and kind of a change."""
    joined = int(rng.integers(_JOIN_DAYS if rng.random() < _EARLY else _LATE_JOIN_DAYS))
    draw = float(rng.random())
    spells = [(joined, first)]
    for other, share in shop.becomes.get(first, {}).items():
        if draw < share:
            earliest, latest = max(_CHANGE_DAYS[0], joined + 30), max(_CHANGE_DAYS[1], joined + 31)
            spells.append((int(rng.integers(earliest, latest)), other))
            break
        draw -= share
    return spells


def _order_days(kind: Kind, begin: int, end: int, new: bool, rng: np.random.Generator) -> list[int]:
    """Draw the distinct days with an order, ascending; for a new customer they include the first day."""
    if isinf(kind.gap):
        return []
    gap = kind.gap / (float(rng.gamma(1 / kind.uneven, kind.uneven)) if kind.uneven else 1.0)
    if kind.rhythm == "saturday":
        chance = min(1.0, _WEEK / gap)
        return [day for day in range(begin, end) if day % _WEEK == _SATURDAY and rng.random() < chance]
    if kind.rhythm == "clock":
        first = begin if new else begin + int(rng.integers(max(1, int(gap))))
        due = np.arange(first, end, round(gap))
        due = due[rng.random(len(due)) >= kind.skips]
        found = due + rng.integers(0, kind.late + 1, len(due))
        return sorted({int(day) for day in found if day < end})
    shape = 5.0 if kind.rhythm == "erlang" else 1.0
    at = float(begin) if new else begin + float(rng.exponential(gap))
    days = set()
    while at < end:
        days.add(int(at))
        at += float(rng.gamma(shape, gap / shape))
    return sorted(days)


def _seasoned(days: list[int], shop: OrderShop, end: int, rng: np.random.Generator) -> list[int]:
    """Return the same days with, in the season, additional days close by."""
    begin, last, factor = shop.season
    if factor == 1.0:
        return days
    found = set(days)
    for day in days:
        if begin <= day < last:
            more = int(factor - 1) + int(rng.random() < factor % 1)
            found |= {min(end - 1, day + 1 + step) for step in range(more)}
    return sorted(found)


def _of_orders(customers: int, days: int, day: list[int], who: list[int], value: list[float]) -> Activity:
    rows = np.zeros((len(day), bucket.B_WIDTH))
    money = np.maximum(np.round(100 * np.array(value)), 2.0)
    rows[:, [bucket.B_ORDERS, bucket.B_OWN]] = 1
    rows[:, bucket.B_MONEY], rows[:, bucket.B_LOGS] = money, np.log(money)
    at: IntArray = np.array(day, dtype=np.int64)
    ids = [f"c{i}" for i in range(customers)]
    return fold(ids, FIRST_DAY, days, at, np.array(who, dtype=np.int64), rows, np.ones(len(day), dtype=np.int64))
