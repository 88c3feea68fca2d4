"""Test measurements of whether a play works, and intervals that cover as often as they claim."""

from __future__ import annotations

import os
from math import isclose
from typing import Any

import numpy as np
import pytest
from act_world import DAY, NOON, World, book, change, customer, play

from models.customer.orders import Order
from schemas.events import SubscriptionUpdated
from streamer.act.heart import due as gates
from streamer.act.heart import measure
from streamer.act.heart.signals import take_signal
from streamer.act.heart.state import Drawn, Message, Outcome
from streamer.act.heart.uplift import (
    Arm,
    at_any_time,
    customers_needed,
    money,
    ratio_is_off,
    uplift,
    wilson,
)
from streamer.queries.plays import report, report_of_all

PLAYS = int(os.environ.get("ACT_PLAYS", "200"))
GRID = [(share, customers) for share in (0.1, 0.2, 0.5) for customers in (300, 3_000)] if PLAYS > 200 else [(0.2, 900)]
MEASURE = 'measure = { goal = "order", within = "14 days" }'
MEASURED = play(holdout=0.5, more='measure = { goal = "order", within = "14 days" }\nstop_if = { unsubscribed = 0.1 }')


def turn(world: World, id: str, held: bool) -> Message:
    [message] = world.take(change(id))
    measure.begin(message, held, world.state, Outcome(), NOON)
    counters = world.state.ledger.plays["win_back"]
    counters.sent += not held
    counters.withheld += held
    world.state.remove(message)
    return message


def test_orders_after_the_turn_and_within_its_time_count_in_both_arms_alike() -> None:
    world = World(book(MEASURED))
    bought = customer("ann")
    for number, (at, taken) in enumerate([(-1, 0), (1, 0), (14 * DAY, 400), (14 * DAY + 1, 0)]):
        bought.book.orders.append(Order(NOON + at, b"%d" % number, 1_000, 1, 0, (), taken))
    cancelled = customer("bob")
    cancelled.book.orders.append(Order(NOON + 5, b"x", 1_000, 1, 0, (), cancelled=True))
    for name, found, held in (
        ("ann", bought, False),
        ("ann", bought, True),
        ("bob", cancelled, False),
        ("eve", None, True),
    ):
        message = turn(world, name, held)
        outcome = Outcome()
        measure.end(message.id, found, world.state, outcome, 100)
        assert message.id in outcome.measures and message.id not in world.state.measures
        if name == "ann":
            [step] = outcome.steps
            assert step.more == {"held_out": held, "converted": True, "amount": 16.0}
        world.state.people.remove(name)
    counters = world.state.ledger.plays["win_back"]
    assert (counters.sent_arm.n, counters.sent_arm.bought, counters.sent_arm.money) == (2, 1, 16.0)
    assert (counters.held_arm.n, counters.held_arm.bought) == (1, 1)


def test_a_measure_of_a_former_epoch_counts_nowhere() -> None:
    world = World(book(MEASURED))
    message = turn(world, "ann", False)
    world.state.ledger.plays["win_back"].epoch = 2
    measure.end(message.id, customer(), world.state, Outcome(), 100)
    assert world.state.ledger.plays["win_back"].sent_arm.n == 0


def test_too_many_unsubscribes_pause_the_play_once_that_is_sure() -> None:
    world = World(book(MEASURED))
    counters = world.state.ledger.plays["win_back"]
    messages = [turn(world, f"c{number}", False) for number in range(20)]
    for number, message in enumerate(messages[:7], 1):
        event = SubscriptionUpdated(
            event_id="s",
            type="subscription.updated",
            customer_id=message.customer,
            occurred_at=NOON,
            list="offers",
            subscribed=False,
            message_id=message.id,
        )
        for _ in range(2):
            take_signal(event, world.state, Outcome(), NOON)
        assert counters.responses["unsubscribed"] == number
        assert counters.status == ("paused" if wilson(number, 20)[0] > 0.1 else "running")
    assert counters.status == "paused" and "surely more than 10" in counters.why


def test_a_report_says_what_may_be_said() -> None:
    world = World(book(MEASURED))
    counters = world.state.ledger.plays["win_back"]
    counters.since, counters.drawn = NOON - 30 * DAY, Drawn(1_000, 500, 500.0)
    assert report("win_back", counters, world.state, NOON)["says"] == "nothing yet"
    counters.sent_arm.n, counters.sent_arm.bought = 500, 100
    counters.held_arm.n, counters.held_arm.bought = 500, 40
    counters.sent_arm.money, counters.sent_arm.squares = 4_000.0, 200_000.0
    counters.held_arm.money, counters.held_arm.squares = 1_600.0, 80_000.0
    shown = report("win_back", counters, world.state, NOON)
    assert (
        shown["says"] == "helps"
        and shown["money"] is not None
        and shown["months_needed"] == pytest.approx(0.9, abs=0.3)
    )
    counters.drawn.held = 400
    assert report("win_back", counters, world.state, NOON)["arms_are_off"]


# -- intervals ------------------------------------------------------------------------------------------------


def test_newcombe_as_published() -> None:
    # Newcombe (1998), table II, method 10: 56/70 against 48/80, and 9/10 against 3/10.
    for a, b, low, high in (((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)):
        found = uplift(Arm(a[1], a[0]), Arm(b[1], b[0]), final=True)
        assert found is not None
        assert isclose(found.low, low, abs_tol=5e-4) and isclose(found.high, high, abs_tol=5e-4)


def test_nothing_is_said_of_empty_arms_and_extremes_do_not_break() -> None:
    assert uplift(Arm(0, 0), Arm(5, 1), final=True) is None
    for bought, n in ((0, 1), (1, 1), (0, 5_000), (5_000, 5_000)):
        low, high = at_any_time(bought, n)
        assert 0 <= low <= bought / n <= high <= 1
    assert customers_needed(0) == float("inf")


@pytest.mark.parametrize(("customers", "share", "base", "effect"), [(300, 0.2, 0.1, 0.05), (1_000, 0.1, 0.03, 0.03)])
def test_one_look_at_the_end_covers_what_it_says(customers: int, share: float, base: float, effect: float) -> None:
    dice = np.random.default_rng(3)
    held = round(customers * share)
    covered = 0
    for _ in range(1_500):
        sent_bought, held_bought = dice.binomial(customers - held, base + effect), dice.binomial(held, base)
        found = uplift(Arm(customers - held, int(sent_bought)), Arm(held, int(held_bought)), final=True)
        assert found is not None
        covered += found.low <= effect <= found.high
    assert covered / 1_500 >= 0.93


@pytest.mark.parametrize(("share", "customers"), GRID)
def test_looked_at_daily_it_is_rarely_ever_wrong_and_no_effect_rarely_helps(share: float, customers: int) -> None:
    dice = np.random.default_rng(4)
    wrong = helps = 0
    days = 60
    for number in range(PLAYS):
        effect = 0.0 if number % 2 else 0.05
        held = dice.binomial(customers, share)
        arms = [np.sort(dice.integers(0, days, n)) for n in (customers - held, held)]
        buys = [dice.random(customers - held) < 0.05 + effect, dice.random(held) < 0.05]
        found = [
            uplift(*(_until(*arm, day) for arm in zip(arms, buys, strict=True)), final=False) for day in range(days)
        ]
        wrong += any(one is not None and not one.low <= effect <= one.high for one in found)
        helps += not effect and any(one is not None and one.low > 0 for one in found)
    assert wrong / PLAYS <= 0.05 and helps / (PLAYS / 2) <= 0.025
    print(f"{share:.0%} held out, {customers:,} customers: ever wrong in {wrong / PLAYS:.1%} of {PLAYS} plays")


def _until(days: Any, buys: Any, day: int) -> Arm:
    """Return an arm as of a day."""
    n = int(np.searchsorted(days, day, side="right"))
    return Arm(n, int(buys[:n].sum()))


def test_money_is_shown_only_where_its_interval_holds() -> None:
    assert money(Arm(1_000, 90, 5e3, 4e5), Arm(199, 20, 1e3, 8e4)) is None
    assert money(Arm(1_000, 90, 5e3, 4e5), Arm(300, 14, 1e3, 8e4)) is None
    dice = np.random.default_rng(5)
    covered = shown = 0
    for _ in range(400):
        arms = []
        for n in (1_000, 300):
            spent = np.where(dice.random(n) < 0.12, dice.lognormal(3.5, 0.8, n), 0.0)
            arms.append(Arm(n, int((spent > 0).sum()), float(spent.sum()), float((spent**2).sum())))
        found = money(*arms)
        if found is not None:
            shown += 1
            covered += found.low <= 0 <= found.high
    assert shown > 350 and covered / shown >= 0.91


def test_arms_of_the_drawn_sizes_are_fair_and_others_are_not() -> None:
    assert not ratio_is_off(1_000, 200, 200.0) and not ratio_is_off(0, 0, 0.0) and not ratio_is_off(9, 0, 0.0)
    assert ratio_is_off(1_000, 100, 200.0) and ratio_is_off(1_000, 300, 200.0)


# -- the holdout of a play beside that of all marketing -------------------------------------------------------

TWICE_HELD = "holdout = 0.3\nper_customer = ['9 a day']\nquiet = 'none'"


def turns(world: World, number: int, again: int = 1) -> None:
    """Give this many customers their turns, sent or held out; none buys."""
    for id in [f"c{one}" for one in range(number)]:
        world.customers[id] = customer(id)
        for seq in range(1, again + 1):
            [message] = world.take(change(id, seq), NOON)
            verdict = world.judge(message)
            gates.use_up(message, world.state, world.policy, world.customers[id], NOON)
            measure.begin(message, isinstance(verdict, gates.Withhold), world.state, Outcome(), NOON)
            world.state.remove(message)


def test_who_is_held_out_of_all_marketing_is_in_neither_arm_of_a_play() -> None:
    world = World(book(play(holdout=0.2, again="0 seconds", more=MEASURE), limits=TWICE_HELD))
    turns(world, 2_000, again=3)
    counters = world.state.ledger.plays["win_back"]
    # Held out: 20 % of the 70 % who may get anything. All withheld messages together would be far from 20 %.
    assert counters.drawn.n == pytest.approx(1_400, abs=80) and counters.drawn.held == pytest.approx(280, abs=60)
    answer = report("win_back", counters, world.state, NOON)
    assert not answer["arms_are_off"]
    for id in list(world.state.measures):
        found = world.state.measures[id]
        measure.end(id, world.customers[found.customer], world.state, Outcome(), 100)
    assert counters.sent_arm.n + counters.held_arm.n == 3 * counters.drawn.n
    assert counters.held_arm.n == 3 * counters.drawn.held


def test_all_marketing_is_measured_once_a_customer_from_their_first_turn_on() -> None:
    world = World(book(play(holdout=0.2, again="0 seconds"), play("second", again="0 seconds"), limits=TWICE_HELD))
    for id in [f"c{one}" for one in range(500)]:
        world.customers[id] = customer(id)
        for message in world.take(change(id)):
            verdict = world.judge(message)
            gates.use_up(message, world.state, world.policy, world.customers[id], NOON)
            measure.begin(message, isinstance(verdict, gates.Withhold), world.state, Outcome(), NOON)
            world.state.remove(message)
    drawn, measures = world.state.ledger.marketing.drawn, world.state.measures
    assert drawn.n == 500 == len(measures) and drawn.held == pytest.approx(150, abs=40)
    assert {one.due - one.begun for one in measures.values()} == {90 * DAY}
    for id in list(measures):
        person = world.customers[measures[id].customer]
        if not measures[id].held:
            person.book.orders.append(Order(NOON + DAY, person.id.encode(), 4_000, 1, 0, ()))
        outcome = Outcome()
        measure.end(id, person, world.state, outcome, 100)
        assert outcome.steps == []
    answer = report_of_all(world.state)
    assert answer["sent"]["n"] + answer["held_out"]["n"] == 500 and answer["held_out"]["bought"] == 0
    assert answer["says"] == "helps" and not answer["arms_are_off"] and answer["holdout"] == 0.3


def test_an_edited_holdout_does_not_make_the_arms_look_wrong() -> None:
    world = World(book(play(holdout=0.1)))
    turns(world, 1_000)
    world.state.books[1] = book(play(holdout=0.5))
    for id in [f"d{one}" for one in range(1_000)]:
        world.customers[id] = customer(id)
        [message] = world.take(change(id))
        world.judge(message)
        gates.use_up(message, world.state, world.policy, world.customers[id], NOON)
    counters = world.state.ledger.plays["win_back"]
    assert counters.drawn.n == 2_000 and counters.drawn.expected == pytest.approx(600)
    assert not report("win_back", counters, world.state, NOON)["arms_are_off"]
