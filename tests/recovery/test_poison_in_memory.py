"""Records that raise what no record may: each becomes a dead letter, the others apply, and a lane stops only alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from heart_lanes import TIGHT, Crash, ManualClock, Rig, counters
from heart_logs import DAY, HOUR, T0, LogMaker, order, view
from heart_models import jumpy
from heart_strategies import EDITIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.records import Record
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryServer, MemoryView
from streamer.core.decide import decide
from streamer.core.decode import DecodedRecord
from streamer.core.policy import Policy
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.lanes import encode, step
from streamer.lanes.context import LaneContext, LaneSettings
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Fenced, Update
from streamer.lanes.trouble import MAX_ATTEMPTS, Attempts, Quarantine, Trouble, load

WIDE = replace(TIGHT, max_records=1_000, turn_records=7, max_due=50, max_residents=1_000, tick_seconds=0.01)
Patch = Callable[[pytest.MonkeyPatch], None]


def is_poison(decoded: DecodedRecord) -> bool:
    return decoded.event is not None and decoded.event.event_id.startswith("poison")


def in_decide(patch: pytest.MonkeyPatch) -> None:
    """What lies before the poison is applied, and so is the poison itself; then it raises."""

    def raising(
        decoded_records: Iterable[DecodedRecord], state: LaneState, policy: Policy, tick: Tick = NO_TICK
    ) -> Any:
        held = list(decoded_records)
        for at, decoded in enumerate(held):
            if is_poison(decoded):
                decide(held[: at + 1], state, policy, tick)
                raise OverflowError("math range error")
        return decide(held, state, policy, tick)

    patch.setattr(step, "decide", raising)


def in_encode(patch: pytest.MonkeyPatch) -> None:
    """Decides everything, marks half as written, then raises without naming a record."""
    plain = step.StepMaker.encode

    def raising(self: step.StepMaker, made: step.Prepared, state: LaneState, *, anyway: bool = False) -> None:
        plain(self, made, state, anyway=anyway)
        if any(map(is_poison, made.decoded_records)):
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")

    patch.setattr(step.StepMaker, "encode", raising)


def a_log(bad: set[int], event: bool) -> list[Record]:
    """Forty records with a model among them; those in ``bad`` are poison, or (not ``event``) plain bad JSON."""
    log = LogMaker(now=T0)
    log.model(jumpy(1))
    for number in range(40):
        log.now += HOUR if number % 9 else 3 * DAY
        id = ("ann", "bob", "cem", "eve")[number % 4]
        if number in bad:
            if event:
                log.event(order(f"poison{number}", id, log.now, 80.0))
            else:
                log.put(id.encode(), b"{")
        elif number % 3:
            log.event(order(f"o{number}", id, log.now, 20.0 + number))
        else:
            log.event(view(f"v{number}", id, log.now))
    return log.records


def without_reasons(rig: Rig) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    seen = rig.outputs()
    del seen["dead"]
    counted = counters(rig.ledger())
    counted["dead_letters"] = sum(rig.ledger().dead_letters.values())
    return seen, rig.state(), counted


def letters(rig: Rig) -> dict[int, tuple[str, str]]:
    found = [parse_headers(record.headers) for record in rig.broker.records(topics.DEADLETTERS, 0)]
    assert len({letter.offset for letter in found}) == len(found), "a record became two dead letters"
    return {letter.offset: (letter.reason, letter.message) for letter in found}


@pytest.mark.parametrize("raises", [in_decide, in_encode])
@pytest.mark.parametrize("lane", [TIGHT, WIDE])
@pytest.mark.parametrize("bad", [{0}, {39}, {17}, {3, 4, 5}, {2, 9, 20, 38}, set(range(40))])
def test_each_poison_is_one_dead_letter_and_the_others_apply(
    monkeypatch: pytest.MonkeyPatch, raises: Patch, lane: LaneSettings, bad: set[int]
) -> None:
    plain = Rig(a_log(bad, event=False), settings=lane, chunk=11)
    asyncio.run(plain.run())
    raises(monkeypatch)
    rig = Rig(a_log(bad, event=True), settings=lane, chunk=11)
    asyncio.run(rig.run())
    rig.check_view()
    assert rig.stopped == []
    assert letters(rig).keys() == {number + 1 for number in bad} == letters(plain).keys()
    error = "OverflowError: math range error" if raises is in_decide else "UnicodeEncodeError: "
    assert all(reason == "poison" and why.startswith(error) for reason, why in letters(rig).values())
    assert without_reasons(rig) == without_reasons(plain)


@settings(deadline=None, max_examples=25)
@given(
    st.sets(st.integers(0, 39), max_size=8),
    st.sampled_from([in_decide, in_encode]),
    st.dictionaries(st.integers(0, 80), st.sampled_from(["before", "after", "lost before", "lost after"]), max_size=4),
    st.integers(1, 20),
)
def test_any_poison_and_any_crashes(bad: set[int], raises: Patch, plan: dict[int, Any], chunk: int) -> None:
    plain = Rig(a_log(bad, event=False), chunk=chunk)
    asyncio.run(plain.run())
    with pytest.MonkeyPatch.context() as patch:
        raises(patch)
        rig = Rig(a_log(bad, event=True), plan, chunk=chunk, settings=replace(WIDE, max_residents=3))
        asyncio.run(rig.run())
    if rig.crashes < MAX_ATTEMPTS:
        assert rig.stopped == []
        assert without_reasons(rig) == without_reasons(plain)


def test_customers_in_memory_stay_there_when_a_poison_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those whom the failed step was about are read again."""
    in_decide(monkeypatch)

    async def go() -> None:
        log = LogMaker(now=T0)
        for number in range(200):
            log.event(order(f"o{number}", f"c{number}", T0, 30.0))
        log.event(order("poison", "bob", T0, 30.0))
        rig = Rig(log.records, settings=WIDE)
        lane = await rig.own()
        rig.append(log.records)
        lane.offer(rig.batch(0, 200))
        await lane.turn()
        before = dict(lane.state.cache.customers)
        lane.offer(rig.batch(200))
        for _ in range(3):
            await lane.turn()
        assert lane.next_offset == 201 and letters(rig).keys() == {200}
        held = lane.state.cache.customers
        assert len(before) > 90
        assert sum(held.get(id) is customer for id, customer in before.items()) >= len(before) - 1
        rig.check_view()

    asyncio.run(go())


# -- a lane that stops -----------------------------------------------------------------------------------------


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.005)


def test_a_lane_that_fails_even_so_stops_alone_says_why_and_goes_on_when_it_is_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.start()
        task = asyncio.create_task(lane.run())
        with monkeypatch.context() as patch:
            patch.setattr(encode, "writes", lambda *given: (_ for _ in ()).throw(KeyError("what")))
            lane.offer(rig.batch(0))
            await until(lambda: lane.halted is not None)
            assert lane.halted is not None
            assert (lane.halted.offset, lane.halted.why) == (0, "KeyError: 'what'")
            assert "streamer lanes skip 0:0" in lane.halted.hint and not lane.has_room
            assert rig.stopped == [str(lane.halted)] and rig.server.shelf.trouble is not None
            assert rig.broker.records(topics.STATE, 0) == []
            await asyncio.sleep(0.05)
            assert not task.done()
        rig.server.shelf.trouble = None
        await until(lambda: rig.released == 1)
        assert lane.has_room and rig.sought[-1] == 0
        lane.offer(rig.batch(0))
        await until(lambda: lane.next_offset == len(rig.records))
        lane.stop()
        await task
        assert rig.ledger().applied == 40

    asyncio.run(go())


def test_a_process_that_dies_with_a_batch_three_times_does_not_get_it_a_fourth_time() -> None:
    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        await rig.own()
        rig.append(rig.records)
        for attempt in range(MAX_ATTEMPTS):
            lane = await rig.own()
            rig.faults.plan = {rig.faults.count: "before"}
            lane.offer(rig.batch(0, 10))
            with pytest.raises(Crash):
                await lane.turn()
            assert lane.halted is None, attempt
        lane = await rig.own()
        lane.offer(rig.batch(0, 10))
        await lane.turn()
        assert lane.halted is not None and lane.next_offset == 0
        assert lane.halted.why == "the process ended 3 times with the batch that begins here"
        # The first commit clears the count.
        rig.server.shelf.trouble = None
        lane = await rig.own()
        lane.offer(rig.batch(0, 10))
        await lane.turn()
        assert lane.next_offset == 10 and rig.server.shelf.trouble is None

    asyncio.run(go())


def test_a_process_that_ends_for_another_reason_accuses_no_batch_of_its_lanes() -> None:
    """Fenced in one lane, say: the others have begun batches, too."""

    async def go() -> None:
        quarantine = Quarantine()
        views = [MemoryView() for _ in range(3)]
        first, second, third = (Attempts(view, quarantine) for view in views)
        once = msgspec.json.encode(Trouble(5, 1))
        views[1].shelf.trouble = once
        for one in (first, second, third):
            await one.reopened()
            assert await one.begin(5) is True
        assert load(views[1].shelf.trouble) == Trouble(5, 2)
        # Another process has taken the third one's lane, and stopped it.
        stopped = views[2].shelf.trouble = msgspec.json.encode(Trouble(5, 0, "why", "hint"))
        await first.forgiven()
        assert [view.shelf.trouble for view in views] == [None, once, stopped]

    asyncio.run(go())


def test_an_idle_owner_that_dies_counts_for_nothing() -> None:
    async def go() -> None:
        rig = Rig([], settings=WIDE)
        for _ in range(5):
            lane = await rig.own()
            await lane.turn()
        assert rig.server.shelf.trouble is None

    asyncio.run(go())


def test_a_condemned_record_is_a_dead_letter_whatever_is_in_it() -> None:
    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.condemn(0, "skipped by hand")
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        assert letters(rig) == {0: ("poison", "skipped by hand")}
        assert rig.ledger().applied == 4 and lane.next_offset == 5

    asyncio.run(go())


def test_a_lane_whose_records_were_deleted_before_they_were_decided_stops_alone() -> None:
    """Retention was too short: the missing records are reported, the process and its other lanes keep running."""

    class Cut(MemoryLog):
        async def first_offset(self) -> int:
            return 7

    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        late = Lane(0, Cut(rig.broker, 0), rig.server, LaneContext(rig.policy, rig.clock, WIDE))
        assert await late.open() == 5
        assert late.halted is not None and not late.has_room
        assert late.halted.why.startswith("records 5 to 6 were deleted before they were decided")
        late.start()
        task = asyncio.create_task(late.run())
        await asyncio.sleep(0.05)
        assert not task.done()
        late.stop()
        await task

    asyncio.run(go())


def test_a_lane_that_is_not_halted_finds_out_by_a_hole_that_records_were_deleted() -> None:
    class Cut(MemoryLog):
        first = 0

        async def first_offset(self) -> int:
            return self.first

    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        log = Cut(rig.broker, 0)
        lane = Lane(0, log, rig.server, LaneContext(rig.policy, rig.clock, WIDE))
        await lane.open()
        rig.append(rig.records)
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        for first in (0, 9):
            log.first = first
            lane.offer(rig.batch(9, 10))
            await lane.turn()
            await lane.turn()
            assert lane.next_offset == 5 and (lane.halted is not None) is (first == 9)
        assert lane.halted is not None and lane.halted.hint.startswith("`streamer lanes skip 0:5`")

    asyncio.run(go())


def test_an_empty_stretch_at_the_end_is_committed_once_nothing_else_comes() -> None:
    """The end of a transaction, say: once retention deletes it, the next owner would miss it."""

    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        lane.offer(Batch(5, 6, ()))
        await lane.turn()
        assert rig.ledger().next_offset == 5
        for _ in range(3):
            written = len(rig.broker.records(topics.STATE, 0))
            await lane.turn()
            assert rig.ledger().next_offset == 6
        assert len(rig.broker.records(topics.STATE, 0)) == written

    asyncio.run(go())


# -- a view that lost a part -----------------------------------------------------------------------------------


@pytest.mark.parametrize("residents", [2, 1_000])
def test_a_view_that_lost_a_part_of_its_customers_is_restored(residents: int) -> None:
    """Their parts are gone, the token is not: without a look they would be new people."""
    usual = Rig(a_log(set(), event=True), settings=replace(WIDE, max_residents=residents))
    asyncio.run(usual.run())

    async def go(lose: Callable[[Rig], None]) -> None:
        rig = Rig(a_log(set(), event=True), settings=replace(WIDE, max_residents=residents))
        lane = await rig.own()
        rig.append(rig.records[:20])
        lane.offer(rig.batch(0))
        await lane.turn()
        lane = await rig.own()
        lose(rig)
        rig.records = rig.records[20:]
        rig.append([])
        await rig.run()
        assert rig.outputs() == usual.outputs() and rig.state() == usual.state()
        rig.check_view()

    def parts(rig: Rig) -> None:
        for id in ("bob", "eve"):
            del rig.server.shelf.parts[id]

    def whole(rig: Rig) -> None:
        for held in (rig.server.shelf.parts, rig.server.shelf.documents):
            held.pop("cem", None)

    def damaged(rig: Rig) -> None:
        rig.server.shelf.parts["ann"][""] = b"\xff"

    for lose in (parts, whole, damaged):
        asyncio.run(go(lose))


def test_a_step_that_takes_long_makes_the_next_ones_smaller() -> None:
    lane = Lane(0, MemoryLog(MemoryBroker(), 0), MemoryView(), LaneContext(Policy(), ManualClock()))
    lane._pace(8_000, 8.0)
    assert lane._enough == 2_000
    lane._pace(2_000, 1.0)
    lane._pace(2_000, 0.1)
    assert lane._enough == 8_000
    lane._pace(1, 100.0)
    assert lane._enough == 1
    assert Batch(0, 1, []).end == 1


class Forgetful(MemoryView):
    """Loses its token, or a due time, with each of the first writes of a restore, as a full server that evicts does."""

    def __init__(self, server: MemoryServer, times: int, *, token: bool) -> None:
        super().__init__(server)
        self.times, self.token, self.waits = times, token, 0

    async def ready(self) -> None:
        self.waits += 1

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        if expected is not None and expected.startswith("restoring:") and self.times:
            self.times -= 1
            if self.token:
                self.lose()
            else:
                self.shelf.sizes["nobody/knows"] = 1
        return await super().write(expected, token, update)


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_view_that_loses_keys_while_it_is_restored_is_filled_again_and_not_taken_for_another_owner(
    times: int, token: bool
) -> None:
    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0))
        while lane.next_offset < len(rig.records):
            await lane.turn()
        rig.server.lose()
        view = Forgetful(rig.redis, times, token=token)
        lane = Lane(0, MemoryLog(rig.broker, 0), view, LaneContext(rig.policy, rig.clock, WIDE))
        await lane.open()
        assert view.waits == min(3, times + 1), (
            "before each filling it is waited until the server keeps what it is given"
        )
        if times < 3:
            assert lane.halted is None and lane.next_offset == len(rig.records)
            rig.check_view()
        else:
            assert lane.halted is not None and "Redis loses keys while the lane is restored" in lane.halted.why

    asyncio.run(go())


def test_a_zombie_that_restores_is_fenced_by_the_one_who_took_the_view() -> None:
    async def go() -> None:
        rig = Rig(a_log(set(), event=True), settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0))
        await lane.turn()

        class Taken(MemoryView):
            async def write(self, expected: str | None, token: str, update: Update) -> bool:
                self.shelf.token = "restoring:another:1:2"
                return await super().write(expected, token, update)

        rig.server.lose()
        late = Lane(0, MemoryLog(rig.broker, 0), Taken(rig.redis), LaneContext(rig.policy, rig.clock, WIDE))
        with pytest.raises(Fenced):
            await late.open()

    asyncio.run(go())


@pytest.mark.parametrize("lost", ["models", "definitions"])
def test_versions_that_are_lost_are_found_in_the_changelog(lost: str) -> None:
    """They were taken for a changelog without them, and the lane stopped."""

    async def go() -> None:
        log = LogMaker(now=T0)
        log.model(jumpy(1))
        log.definitions(2, EDITIONS[0])
        log.event(order("o1", "ann", T0, 30.0))
        rig = Rig(log.records, settings=WIDE)
        lane = await rig.own()
        rig.append(rig.records)
        lane.offer(rig.batch(0))
        await lane.turn()
        assert getattr(rig.server.shelf, lost)
        getattr(rig.server.shelf, lost).clear()
        # As if nobody had counted: the next owner must find it by itself.
        rig.server.shelf.counts = rig.server.shelf.counted()
        lane = await rig.own()
        assert lane.halted is None and getattr(rig.server.shelf, lost)
        rig.check_view()

    asyncio.run(go())
