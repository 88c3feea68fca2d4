"""A machine whose clock runs ten years ahead for a while: nothing that waits is lost, doubled or sent by that clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import structlog
from act_memory import Memory, Shop
from act_oracle import RULES, SHOP_ZONE, Oracle
from act_trace import BEGIN, DAY, HOUR, Trace, made
from act_world import HEAD, POLICY, SEGMENTS, World, book, change
from act_world_in_time import BOOKED, TEMPLATES, UNITS, People, endings, publish, text

from schemas.events import SubscriptionUpdated
from streamer.act import owner
from streamer.act.clock import LEAP_SECONDS, ClockWatch
from streamer.act.heart.due import Policy
from streamer.act.heart.signals import take_signal
from streamer.act.heart.state import Outcome
from streamer.act.plays.declared import load

TEN_YEARS = 3_653 * DAY
CUSTOMERS, DAYS = 120, 16
IN_TIME = Policy(UNITS, SHOP_ZONE, True, POLICY.addresses, under_way=10**6, under_way_keyed=10**6)


class Machine:
    """Its clock is that of `Memory`; the broker may be another machine with a right one, or this one."""

    def __init__(self, same: bool) -> None:
        self.same, self.wrong, self.seconds = same, False, 0.0

    @property
    def is_trusted(self) -> bool:
        return self.same or not self.wrong

    async def look(self) -> None:
        """It always knows."""

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "_WRONG_SECONDS", 0.0)


async def ran(trace: Trace, trusts: Callable[[Machine], Callable[[int, int], bool]], same: bool, by: int) -> Shop:
    """The owner over the trace. Every third hour its clock is wrong for some turns, and every ninth hour it ends then."""
    people, machine = People(trace), Machine(same)
    memory = Memory(BEGIN, people.found)
    plays = load(text(CUSTOMERS), 1, BOOKED, TEMPLATES)
    shop = Shop(memory, plays, IN_TIME, [f"CODE-{number}" for number in range(CUSTOMERS)])
    shop.trusts = trusts(machine)
    await shop.start()
    for hour, (now, entries) in enumerate(trace.by_hour()):
        memory.now = now
        publish(memory, people, entries)
        if hour % 3 == 2:
            machine.wrong, memory.now = True, now + by
            for _ in range(3):
                await shop.once()
                machine.seconds += 1
                if hour % 9 == 8:
                    await shop.stop()
            machine.wrong, memory.now = False, now
        await shop.settle()
    return shop


def watched(machine: Machine) -> Callable[[int, int], bool]:
    return ClockWatch(machine, machine.monotonic).trusts


@pytest.mark.parametrize(
    ("same", "by"), [(False, TEN_YEARS), (True, TEN_YEARS), (False, -TEN_YEARS), (True, -TEN_YEARS), (False, 6 * HOUR)]
)
def test_all_ends_as_if_the_clock_had_never_been_wrong(same: bool, by: int) -> None:
    trace = made(CUSTOMERS, DAYS, 3)
    shop = asyncio.run(ran(trace, watched, same, by))
    oracle = Oracle(trace, CUSTOMERS, CUSTOMERS).run()
    assert endings(shop.memory.steps) == oracle.became and len(oracle.became) > CUSTOMERS
    assert {(one.change.event_id, one.play) for one in shop.state.messages.values()} == oracle.waiting
    assert {name for _, name in oracle.became} == {rule.name for rule in RULES}
    assert shop.state.unaccounted() == 0 and len(shop.sender.sent) == len(set(shop.sender.sent))


def test_without_the_watch_messages_are_lost() -> None:
    trace = made(CUSTOMERS, DAYS, 3)
    shop = asyncio.run(ran(trace, lambda machine: lambda now, last: True, True, TEN_YEARS))
    assert endings(shop.memory.steps) != Oracle(trace, CUSTOMERS, CUSTOMERS).run().became


@pytest.mark.parametrize("same", [False, True])
def test_a_weekly_report_is_neither_used_up_nor_doubled(same: bool) -> None:
    me = '[channels.me]\nkind = "smtp"\nhost = "localhost"\nfrom = "a@b.example"\nto = "a@b.example"\n'
    plays = load(HEAD + me + '[plays.monday]\nwhen = { weekly = "monday 08:00" }\nchannel = "me"\n', 1, SEGMENTS)
    sunday = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 1000
    memory, machine = Memory(sunday, {}), Machine(same)

    async def weeks() -> Shop:
        shop = Shop(memory, plays, Policy(POLICY.units, "UTC", True, POLICY.addresses))
        shop.trusts = watched(machine)
        await shop.start()
        shop.state.ledger.plays["monday"].since = sunday
        for hour in range(22 * 24):
            memory.now = sunday + hour * HOUR
            if hour % 24 == 3:
                machine.wrong, memory.now = True, memory.now + TEN_YEARS
                await shop.once()
                await shop.stop()
                await shop.once()
                machine.wrong, memory.now = False, memory.now - TEN_YEARS
            # The report is made in the shop owner's own time.
            for _ in range(3):
                await shop.once()
                await asyncio.sleep(0)
        return shop

    shop = asyncio.run(weeks())
    planned = [datetime.fromtimestamp(one.at / 1000, UTC) for one in memory.steps if one.type == "message.planned"]
    assert [(at.weekday(), at.hour) for at in planned] == [(0, 8)] * 4
    assert shop.state.ledger.plays["monday"].planned == 4


def test_a_leap_is_believed_after_ten_minutes_and_a_clock_behind_never() -> None:
    machine = Machine(True)
    trusts = watched(machine)
    now = BEGIN + 30 * DAY
    assert trusts(now, 0) and trusts(now, now - 6 * DAY) and trusts(now, now + HOUR // 2)
    with structlog.testing.capture_logs() as logs:
        assert not trusts(now, BEGIN) and not trusts(now, BEGIN)
    [line] = logs
    assert line["hours"] == 720 and "ClockJump.md" in line["event"]
    machine.seconds = LEAP_SECONDS
    assert trusts(now, BEGIN) and trusts(now + 1, now)
    assert not trusts(now, now + 2 * HOUR)
    machine.seconds *= 9
    assert not trusts(now, now + 2 * HOUR)


def test_a_corrected_leap_is_forgotten_and_the_next_one_waits_again() -> None:
    machine = Machine(True)
    trusts = watched(machine)
    assert not trusts(BEGIN + TEN_YEARS, BEGIN)
    assert trusts(BEGIN + 1, BEGIN)
    machine.seconds = LEAP_SECONDS
    assert not trusts(BEGIN + TEN_YEARS, BEGIN)


def test_who_unsubscribed_by_a_wrong_clock_may_come_back_and_leave_again() -> None:
    world = World(book())
    [message] = world.take(change())
    for at, subscribed in ((BEGIN + TEN_YEARS, True), (BEGIN + 1, False)):
        event = SubscriptionUpdated(
            event_id=f"e{at}",
            type="subscription.updated",
            customer_id=message.customer,
            occurred_at=at,
            list="offers",
            subscribed=subscribed,
        )
        take_signal(event, world.state, Outcome(), BEGIN, appended=min(at, BEGIN + 1))
    person = world.state.people.get(message.customer)
    assert person is not None and person.lists["offers"] == (False, BEGIN + 1)
