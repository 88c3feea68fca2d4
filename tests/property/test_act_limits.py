"""Test caps under rapid moves, timers over a long absence, and balanced arms: the real owner in memory, killed at commits."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from act_memory import Memory, Shop, Step
from act_world import DAY, HOUR, NOON, POLICY, World, book, customer, declared, moved, play
from act_world import change as received
from scipy.stats import binomtest

from models.customer.customer import Customer
from schemas import topics
from streamer.act.heart import due as gates
from streamer.act.heart.holdout import draw

MOVES = int(os.environ.get("ACT_MOVES", "1000"))
WAITING = int(os.environ.get("ACT_WAITING", "10000"))
WIDE = replace(POLICY, under_way=10**6, under_way_keyed=10**6)


# -- caps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Chatham"])
def test_caps_hold_under_rapid_moves_with_kills(zone: str) -> None:
    plays = (
        play("low", again="0 seconds", more="priority = 1"),
        play("high", again="0 seconds", more="priority = 9"),
        play("asks", again="0 seconds", holdout=0.5, more='priority = 5\nif = "orders < 1"\nwait = "3 hours"'),
        play("service", again="0 seconds", more='kind = "service"'),
    )
    # Over a clock change.
    begin = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1000
    memory = Memory(begin, {"ann": customer("ann", timezone=zone)}, kills=0.1)
    shop = Shop(memory, declared(*plays, limits='per_customer = ["1 a day", "3 a week"]'), WIDE)

    async def move() -> None:
        await shop.start()
        for seq in range(1, MOVES + 1):
            memory.now += 47 * 60_000
            memory.publish(topics.CHANGES, "ann", moved("ann", seq, memory.now), memory.now)
            await shop.settle()

    asyncio.run(move())
    turns = {
        one.message_id: one for one in reversed(memory.steps) if one.type in ("message.sending", "message.withheld")
    }
    assert sum(one.play == "service" for one in turns.values()) > 0.5 * MOVES
    _within_caps([one for one in turns.values() if one.play != "service"], ZoneInfo(zone))
    _the_best_goes_first(memory.steps)
    assert memory.killed > MOVES / 20 and shop.state.unaccounted() == 0


def _within_caps(turns: list[Step], where: ZoneInfo) -> None:
    days = Counter(datetime.fromtimestamp(one.at / 1000, where).date().toordinal() for one in turns)
    assert max(days.values()) == 1
    assert max(sum(days[day + ahead] for ahead in range(7)) for day in days) == 3
    weeks = MOVES * 47 / 60 / 24 / 7
    assert 3 * (weeks - 2) <= len(turns) <= 3 * (weeks + 2), "nor is less sent than may be"


def _the_best_goes_first(steps: list[Step]) -> None:
    """Check that the play with lower priority has no turn if the other one, for the same change, met the cap."""
    by_change: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in steps:
        if one.type in ("message.sending", "message.dropped"):
            by_change[one.change][one.play] = one.gate or "turn"
    assert not [found for found in by_change.values() if found.get("low") == "turn" and found.get("high") == "cap"]
    assert any(found.get("high") == "turn" and found.get("low") == "cap" for found in by_change.values())


# -- an absence -----------------------------------------------------------------------------------------------


def test_what_waited_over_an_absence_goes_at_once_best_first_and_to_nobody_who_moved_on() -> None:
    plays = (
        play("low", again="0 seconds", more='priority = 1\nwait = "1 day"\nunless = "orders >= 1"'),
        play("high", again="0 seconds", more='priority = 9\nwait = "1 day"\nunless = "orders >= 1"'),
        play("late", again="0 seconds", more='wait = "1 day"\nexpires = "1 hour"'),
    )
    limits = 'per_customer = ["9 a day"]\nquiet = "none"\nstorm = "100 % of customers in 1 hour"'
    ids = [f"c{number}" for number in range(WAITING // 3)]
    customers = {id: customer(id) for id in ids}
    memory = Memory(NOON, customers, kills=0.02)
    shop = Shop(memory, declared(*plays, limits=limits), WIDE, a_turn=200)
    gone, bought = set(ids[::5]), set(ids[1::5])

    async def away() -> int:
        await shop.start()
        for id in ids:
            memory.publish(topics.CHANGES, id, moved(id, 1, NOON), NOON)
        await shop.settle()
        memory.now = NOON + DAY - 1
        await shop.settle()
        assert not shop.sender.sent, "none is early"
        await shop.stop()
        # Their time comes and goes while nobody sends; some left the segment, some bought.
        for id in gone:
            memory.publish(topics.CHANGES, id, moved(id, 2, NOON + DAY, "active", "at_risk"), NOON + DAY)
        for id in bought:
            _buys(customers[id])
        memory.now = back = NOON + DAY + 2 * HOUR
        await shop.settle()
        return back

    back = asyncio.run(away())
    ended = {
        (one.customer, one.play): one for one in memory.steps if one.type in ("message.sending", "message.dropped")
    }
    assert len(ended) == 3 * len(ids) and all(one.at == back for one in ended.values())
    for id in ids:
        expected = "still" if id in gone else "unless" if id in bought else ""
        assert [ended[id, name].gate for name in ("low", "high")] == [expected] * 2
        assert ended[id, "late"].gate == "expires"
    order = [one.play for one in memory.steps if one.type == "message.sending"]
    assert order == sorted(order), "high before low"
    assert len(shop.sender.sent) == len(set(shop.sender.sent)) == 2 * (len(ids) - len(gone) - len(bought))


def _buys(one: Customer) -> None:
    one.statistics.orders = 1


# -- arms -----------------------------------------------------------------------------------------------------


def test_arms_have_the_sizes_they_should_and_do_not_depend_on_the_file() -> None:
    for name, share in (("win_back@1", 0.2), ("*", 0.05)):
        held = sum(draw(name, f"c{number}") < share for number in range(100_000))
        assert binomtest(held, 100_000, share).pvalue > 0.001
    world = World(book(play(holdout=0.5)))
    assert isinstance(world.judge(world.take(received())[0]), gates.Send | gates.Withhold)
    drawn = dict(world.state.people.get("ann").arms)  # type: ignore[union-attr]
    world.state.books[1] = book(play(holdout=0.5, more="priority = 3"), play("other", holdout=0.5))
    world.judge(next(iter(world.state.messages.values())))
    assert world.state.people.get("ann").arms == drawn  # type: ignore[union-attr]


def test_exchanging_the_arms_changes_nothing_but_the_call() -> None:
    plays = (
        play("low", again="2 days", holdout=0.5, more="priority = 1"),
        play("high", again="1 day", holdout=0.5, more='priority = 9\nbudget = "40 a day"\nwait = "2 hours"'),
    )
    runs = []
    for exchanged in (False, True):
        ids = [f"c{number}" for number in range(60)]
        memory = Memory(NOON, {id: customer(id) for id in ids})
        shop = Shop(memory, declared(*plays, limits='per_customer = ["1 a day"]'), WIDE)

        async def days(shop: Shop = shop, memory: Memory = memory, ids: list[str] = ids) -> None:
            await shop.start()
            for seq in range(1, 60):
                for id in ids[seq % 3 :: 3]:
                    memory.publish(topics.CHANGES, id, moved(id, seq, memory.now), memory.now)
                await shop.settle()
                memory.now += 5 * HOUR

        with pytest.MonkeyPatch.context() as patched:
            if exchanged:
                patched.setattr(gates, "draw", lambda name, id: 1 - draw(name, id))
            asyncio.run(days())
        runs.append(memory.steps)
    ends = [
        [(one.message_id, one.gate, one.at) for one in steps if one.type not in ("message.sent", "message.planned")]
        for steps in runs
    ]
    assert sorted(ends[0]) == sorted(ends[1])
    types = [
        {one.message_id: one.type for one in steps if one.type in ("message.sending", "message.withheld")}
        for steps in runs
    ]
    assert types[0].keys() == types[1].keys() and all(types[0][id] != types[1][id] for id in types[0])
