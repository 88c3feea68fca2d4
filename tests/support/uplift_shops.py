"""A play whose effect is known, on simulated shops: what its report shows day by day, against what was planted.

The shop's customers, orders, refunds and cancellations are those of the simulator. A customer's turn comes when they have
been silent for three weeks; the play's own draw says who is held out, and of those who are written to some who would not
have bought buy once, so that the effect is exactly what was planted. Turns, measures, order books and reports are the
product's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from act_world import DAY, World, book, change, customer, play

from models.customer.customer import Customer
from models.customer.orders import Order, OrderBook, Reversal
from streamer.act.heart import due as gates
from streamer.act.heart import measure
from streamer.act.heart.holdout import draw
from streamer.act.heart.state import Outcome, State
from streamer.act.heart.uplift import Arm, money, ratio_is_off, uplift
from streamer.queries.plays import report
from streamer.simulator.baskets import CANCELLATION, FULL_REFUND, PART_REFUND
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

HISTORY, TURNS, WITHIN, SILENCE = 60, 60, 14, 21
"""Days before the play starts; days in which customers have their turn; days in which an order counts; days of silence."""
LOOKS: Final = range(WITHIN + 1, WITHIN + TURNS + 1)
"""Days of the play on which its report is looked at; the last one is the date that the play names."""
SHOP: Final = 7_500
"""Customers of a shop; some 3,500 of them fall silent while the play runs."""
SCENARIOS: Final = ("stationary", "lifelike")
_BUYERS_OF: Final = 4
"""Shops by which the share of those who buy anyway is measured, for each scenario."""


@dataclass
class Silent:
    """A customer of a simulated shop whose turn comes: when (ms), the orders until the end, and what reversed them."""

    turn: int
    orders: list[Order] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)

    def books(self) -> OrderBook:
        """The order book when the measure ends."""
        until, found = self.turn + WITHIN * DAY, OrderBook([], [])
        for one in self.orders:
            if one.at <= until:
                found.add(Order(one.at, one.name, one.money, one.items, 0, ()))
        for reversal in self.reversals:
            if reversal.at <= until:
                found.reverse(reversal)
        return found

    def buys(self) -> bool:
        """Whether they buy without any message."""
        return any(self.counts(one) and one.live for one in self.books().orders)

    def counts(self, order: Order) -> bool:
        """Whether an order lies in the measure."""
        return self.turn < order.at <= self.turn + WITHIN * DAY


@dataclass(frozen=True, eq=False)
class Silence:
    """The silent customers of one shop, in the order of their ids, and the amounts (minor units) of its orders."""

    begin: int
    scenario: str
    customers: Sequence[Silent]
    amounts: Any


@lru_cache(maxsize=4)
def silence(seed: int, scenario: str, customers: int) -> Silence:
    """A simulated shop of so many customers."""
    shop = Shop(ShopConfig(customers=customers, days=HISTORY + TURNS + WITHIN + 1, seed=seed, scenario=scenario))
    begin = shop.config.start + HISTORY * DAY
    found: dict[int, Silent] = {}
    amounts = []
    for block in shop.blocks():
        amounts.append(block.orders.gross - block.orders.discount)
        for number, (id, at, total) in enumerate(
            zip(block.orders.customer.tolist(), block.orders.at.tolist(), amounts[-1].tolist(), strict=True)
        ):
            name = b"%d-%d" % (block.number, number)
            found.setdefault(id, Silent(0)).orders.append(Order(at, name, total, 1, 0, ()))
        for order, at, kind in zip(
            block.reversals.order.tolist(), block.reversals.at.tolist(), block.reversals.kind.tolist(), strict=True
        ):
            if kind in (FULL_REFUND, PART_REFUND, CANCELLATION):
                half = int(amounts[-1][order]) // 2 if kind == PART_REFUND else None
                reversal = Reversal(at, b"%d-%d" % (block.number, order), half, 0)
                found[int(block.orders.customer[order])].reversals.append(reversal)
    return Silence(begin, scenario, list(_turns(found, begin)), np.concatenate(amounts))


def _turns(found: dict[int, Silent], begin: int) -> Iterator[Silent]:
    """Those who are silent for long enough at some time of the play, with the first such instant at which it runs."""
    for _, one in sorted(found.items()):
        one.orders.sort(key=lambda order: order.at)
        ends = [order.at for order in one.orders] + [begin + 10**12]
        for last, following in pairwise(ends):
            turn = last + SILENCE * DAY
            if begin <= turn < min(following, begin + TURNS * DAY):
                one.turn = turn
                yield one
                break


@cache
def buyers(scenario: str) -> float:
    """The share of silent customers who buy without a message, over shops of other seeds."""
    found = [one.buys() for seed in range(_BUYERS_OF) for one in silence(10_000 + seed, scenario, SHOP).customers]
    return sum(found) / len(found)


@dataclass
class Seen:
    """What the reports of one play said."""

    wrong_daily: bool = False
    helps_daily: bool = False
    covers: bool = False
    helps: bool = False
    money_covers: bool | None = None
    refused: bool = False


def run(shop: Silence, customers: int, held: float, effect: float, seed: int) -> Seen:
    """One play, looked at daily.

    Parameters
    ----------
    customers
        How many have their turn.
    effect
        The share who buy because of the message.
    """
    people = shop.customers[:customers]
    assert len(people) == customers, f"only {len(people)} of {customers} are silent"
    more = f'measure = {{ goal = "order", within = "{WITHIN} days", report_on = "{_date(shop.begin)}" }}'
    limits = "holdout = 0\nper_customer = ['9 a day']\nquiet = 'none'\nstorm = '100 % of customers in 1 hour'"
    world = World(book(play(holdout=held, more=more), limits=limits), {})
    world.state.ledger.plays["win_back"].since = shop.begin
    tempted, spent = _tempted(shop, customers, effect, seed, epoch=1)
    truth, seen, at = _truth(shop, effect), Seen(), 0
    turns = sorted(range(customers), key=lambda number: (people[number].turn, number))
    for day in range(1, WITHIN + TURNS + 1):
        now = shop.begin + day * DAY
        while at < customers and people[turns[at]].turn < now:
            _turn(world, f"{seed}-{turns[at]}", people[turns[at]].turn)
            at += 1
        for id in [id for id, one in world.state.measures.items() if one.due < now]:
            one = world.state.measures[id]
            number = int(one.customer.partition("-")[2])
            found = _bought(people[number], not one.held and bool(tempted[number]), int(spent[number]), one.customer)
            measure.end(id, found, world.state, Outcome(), 100)
        if day in LOOKS:
            _look(world.state, now, truth, seen)
    assert not world.state.measures and world.state.unaccounted() == 0
    return seen


def _tempted(shop: Silence, customers: int, effect: float, seed: int, epoch: int) -> tuple[Any, Any]:
    """Who buys because of a message unless they buy anyway, and for how much (minor units)."""
    dice = np.random.default_rng((seed, customers, round(1000 * effect), epoch))
    return dice.random(customers) < effect / (1 - buyers(shop.scenario)), dice.choice(shop.amounts, customers)


def _truth(shop: Silence, effect: float) -> tuple[float, float]:
    """The share who buy because of the message, and what it earns with each customer (major units)."""
    return effect, effect * float(shop.amounts.mean()) / 100


@lru_cache(maxsize=4)
def _anyway(shop: Silence) -> tuple[Any, Any]:
    """Of each customer, whether they buy anyway, and for how much (major units)."""
    found = [
        [one.money - one.taken_money for one in silent.books().orders if silent.counts(one) and one.live]
        for silent in shop.customers
    ]
    return np.array([bool(one) for one in found]), np.array([sum(one) / 100 for one in found])


def at_the_end(shop: Silence, customers: int, held: float, effect: float, seed: int, epoch: int) -> Seen:
    """What the report says at the date it names, of another epoch of the same play: without the days before it.

    Epoch 1 is that of `run`.
    """
    tempted, spent = _tempted(shop, customers, effect, seed, epoch)
    buys, spends = (one[:customers] for one in _anyway(shop))
    out = np.array([draw(f"win_back@{epoch}", f"{seed}-{number}") for number in range(customers)]) < held
    because = tempted & ~buys & ~out
    bought, spends = buys | because, np.where(because, spent / 100, spends)
    arms = [
        Arm(int(arm.sum()), int(bought[arm].sum()), float(spends[arm].sum()), float((spends[arm] ** 2).sum()))
        for arm in (~out, out)
    ]
    if ratio_is_off(customers, arms[1].n, customers * held):
        return Seen(refused=True)
    found, earned, truth = uplift(*arms, final=True), money(*arms), _truth(shop, effect)
    assert found is not None
    covers = None if earned is None else earned.low <= truth[1] <= earned.high
    return Seen(covers=found.low <= truth[0] <= found.high, helps=found.low > 0, money_covers=covers)


def _turn(world: World, id: str, at: int) -> None:
    world.customers = {id: customer(id)}
    [message] = world.take(change(id, at=at), at)
    verdict = world.judge(message, at)
    assert isinstance(verdict, gates.Send | gates.Withhold)
    held = isinstance(verdict, gates.Withhold)
    gates.use_up(message, world.state, world.policy, world.customers[id], at)
    measure.begin(message, held, world.state, Outcome(), at)
    counters = world.state.ledger.plays["win_back"]
    counters.withheld += held
    counters.sent += not held
    world.state.remove(message)
    world.state.people.fold()


def _bought(one: Silent, tempted: bool, amount: int, id: str) -> Customer:
    """The customer when the measure ends; who is tempted and would not have bought buys once."""
    found = Customer(id, (0, 0), 0)
    found.book = one.books()
    if tempted and not one.buys():
        found.book.add(Order(one.turn + WITHIN * DAY // 2, b"because", amount, 1, 0, ()))
    return found


def _look(state: State, now: int, truth: tuple[float, float], seen: Seen) -> None:
    shown = report("win_back", state.ledger.plays["win_back"], state, now)
    found, earned = shown["uplift"], shown["money"]
    if found is None:
        seen.refused = seen.refused or shown["arms_are_off"]
        return
    covers = bool(found["low"] <= truth[0] <= found["high"])
    if shown["final"]:
        seen.covers, seen.helps = covers, shown["says"] == "helps"
        seen.money_covers = None if earned is None else bool(earned["low"] <= truth[1] <= earned["high"])
    else:
        seen.wrong_daily = seen.wrong_daily or not covers
        seen.helps_daily = seen.helps_daily or shown["says"] == "helps"


def _date(begin: int) -> str:
    return str(np.datetime64(begin + LOOKS[-1] * DAY, "ms").astype("datetime64[D]"))
