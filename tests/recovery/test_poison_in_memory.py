"""Test records that raise unexpectedly: each becomes a dead letter, the others apply, and only its lane may stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from heart_lanes import TIGHT, Crash, ManualClock, Rig, counters
from heart_logs import T0, LogMaker, order
from hypothesis import given, settings
from hypothesis import strategies as st
from owned_lanes import WIDE, a_log, applied, owned

from schemas import topics
from schemas.changes import Change, encode_change
from schemas.deadletters import parse_headers
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.decide import decide
from streamer.core.decode import DecodedRecord
from streamer.core.policy import Policy
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.lanes import encode, step
from streamer.lanes.context import LaneContext, LaneSettings
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch
from streamer.lanes.trouble import MAX_ATTEMPTS, Attempts, Quarantine, Trouble, load

Patch = Callable[[pytest.MonkeyPatch], None]


def is_poison(decoded: DecodedRecord) -> bool:
    return decoded.event is not None and decoded.event.event_id.startswith("poison")


def in_decide(patch: pytest.MonkeyPatch) -> None:
    """Apply everything before the poison and the poison itself, then raise."""

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
    """Decide everything, mark half as written, then raise without naming a record."""
    plain = step.StepMaker.encode

    def raising(self: step.StepMaker, made: step.Prepared, state: LaneState, *, anyway: bool = False) -> None:
        plain(self, made, state, anyway=anyway)
        if any(map(is_poison, made.decoded_records)):
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")

    patch.setattr(step.StepMaker, "encode", raising)


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


def test_a_change_that_cannot_be_written_accuses_its_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step fails once, however large it is: nobody bisects for the record."""
    failed: list[str] = []

    def raising(change: Change, detected_at: int) -> bytes:
        if change.customer_id == "bob":
            failed.append(change.event_id)
            raise OverflowError("math range error")
        return encode_change(change, detected_at)

    monkeypatch.setattr(encode, "encode_change", raising)
    log = LogMaker(now=T0)
    for number in range(100):
        log.event(order(f"o{number}", "bob" if number == 70 else f"c{number}", T0, 30.0))
    rig = Rig(log.records, settings=WIDE, chunk=100)
    asyncio.run(rig.run())
    assert letters(rig) == {70: ("poison", "OverflowError: math range error")}
    assert len(failed) == 1
    rig.check_view()


def test_customers_in_memory_stay_there_when_a_poison_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the customers of the failed step are read again."""
    in_decide(monkeypatch)

    async def go() -> None:
        log = LogMaker(now=T0)
        for number in range(200):
            log.event(order(f"o{number}", f"c{number}", T0, 30.0))
        log.event(order("poison", "bob", T0, 30.0))
        rig, lane = await applied(log.records, end=200)
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
        rig, lane = await owned()
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
        rig, _ = await owned()
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
    """Fenced in one lane, for example: the others have begun batches too."""

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
        rig, lane = await owned()
        lane.condemn(0, "skipped by hand")
        lane.offer(rig.batch(0, 5))
        await lane.turn()
        assert letters(rig) == {0: ("poison", "skipped by hand")}
        assert rig.ledger().applied == 4 and lane.next_offset == 5

    asyncio.run(go())


def test_a_lane_whose_records_were_deleted_before_they_were_decided_stops_alone() -> None:
    """Retention was too short: the missing records are reported, the process and its other lanes continue."""

    class Cut(MemoryLog):
        async def first_offset(self) -> int:
            return 7

    async def go() -> None:
        rig, _ = await applied(end=5)
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
    """The end of a transaction, for example: once retention deletes it, the next owner would miss it."""

    async def go() -> None:
        rig, lane = await applied(end=5)
        lane.offer(Batch(5, 6, ()))
        await lane.turn()
        assert rig.ledger().next_offset == 5
        for _ in range(3):
            written = len(rig.broker.records(topics.STATE, 0))
            await lane.turn()
            assert rig.ledger().next_offset == 6
        assert len(rig.broker.records(topics.STATE, 0)) == written

    asyncio.run(go())


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
