"""Getting a stopped lane past a record, or just going again, from the command line.

Skipping is the lane's own work: a lane is opened here as a worker would do it, which fences its owner, and takes one
step with the one record, as a dead letter. Ledger, offset and dead letter are one transaction, and the view follows. The
owner, which has stopped, looks for the note of its trouble, finds it gone, and opens the lane anew.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from schemas import topics
from schemas.errors import UserError
from schemas.records import LogRecord, UnopenedBatch
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaLog, Offsets, read_committed
from streamer.adapters.redis import RedisView, connect
from streamer.core.ledger import load
from streamer.lanes import deleted
from streamer.lanes.context import LaneContext
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch
from streamer.runtime.app import Wiring

SKIPPED = "skipped by hand"


async def resume(wiring: Wiring, lane: int) -> None:
    """Release a stopped lane: its owner tries again from where it stands."""
    client = connect(wiring.redis_url, **wiring.redis_options)
    try:
        await RedisView(client, lane, wiring.redis_prefix).note_trouble(None)
    finally:
        await client.aclose()


async def skip(wiring: Wiring, lane: int, offset: int) -> int:
    """Make the record at which a lane stands a dead letter ``poison``; gives the offset at which it stands now.

    Records that were deleted there become one dead letter that says which.

    Raises
    ------
    UserError
        The lane stands elsewhere, or has no such record.
    """
    async with AsyncExitStack() as stack:
        client = connect(wiring.redis_url, **wiring.redis_options)
        stack.push_async_callback(client.aclose)
        offsets = Offsets(wiring.kafka)
        await offsets.start()
        stack.push_async_callback(offsets.stop)
        view = RedisView(client, lane, wiring.redis_prefix)
        raw = await view.ledger()
        # Before anything is fenced: a lane that runs must not be disturbed by a mistyped number.
        if raw is not None and load(raw).next_offset != offset:
            raise _elsewhere(lane, load(raw).next_offset)
        context = LaneContext(wiring.policy, SystemClock(), wiring.lane)
        opened = Lane(lane, KafkaLog.of_lane(wiring.kafka, offsets, lane), view, context)
        await opened.open()
        stack.push_async_callback(opened.close)
        first = await offsets.first(topics.EVENTS, lane)
        if opened.halted is not None and opened.next_offset >= first:
            raise UserError(f"lane {lane} cannot be opened: {opened.halted.why}", "see docs/runbooks/LaneStopped.md")
        if opened.next_offset != offset:
            raise _elsewhere(lane, opened.next_offset)
        record = await _record_at(wiring, offsets, opened, first)
        why = f"{SKIPPED}: {record.value.why}" if isinstance(record.value, UnopenedBatch) else SKIPPED
        opened.condemn(record.offset, why)
        opened.release()
        opened.offer(Batch(offset, record.offset + 1, [record]))
        await opened.turn()
        if opened.next_offset == offset:
            why = "it took no step" if opened.halted is None else opened.halted.why
            raise UserError(f"lane {lane} cannot get past offset {offset}: {why}", "please report it")
        await view.note_trouble(None)
        return opened.next_offset


async def _record_at(wiring: Wiring, offsets: Offsets, opened: Lane, first: int) -> LogRecord:
    """The record at which a lane stands, or what stands for those that were deleted before ``first``."""
    lane, offset = opened.partition, opened.next_offset
    if offset < first:
        return deleted.stand_in(lane, offset, first, opened.state.ledger.appended)
    end = await offsets.end(topics.EVENTS, lane)
    async for records in read_committed(wiring.kafka, topics.EVENTS, lane, offset, end):
        return records[0]
    raise UserError(f"lane {lane} has no record from offset {offset} on", "`streamer lanes` shows what is waiting")


def _elsewhere(lane: int, stands: int) -> UserError:
    return UserError(
        f"lane {lane} is stopped at offset {stands}; only that record can be skipped",
        "`streamer lanes` shows each lane's offset",
    )
