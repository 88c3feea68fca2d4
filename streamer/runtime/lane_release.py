"""Resume a stopped lane from the command line, or first move it past a record.

The lane itself does the skipping: this module opens it as a worker would, which fences its owner, and runs one step
that makes the single record a dead letter. Ledger, offset and dead letter are one transaction, and the view follows.
The stopped owner checks for its trouble note, finds it removed, and reopens the lane.
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
    """Release a stopped lane, whose owner retries from its current offset."""
    client = connect(wiring.redis_url, **wiring.redis_options)
    try:
        await RedisView(client, lane, wiring.redis_prefix).note_trouble(None)
    finally:
        await client.aclose()


async def skip(wiring: Wiring, lane: int, offset: int) -> int:
    """Make the record at which a lane stopped a ``poison`` dead letter, and return the lane's new offset.

    Deleted records at this offset become a single dead letter that lists them.

    Raises
    ------
    UserError
        The lane is at another offset or has no such record.
    """
    async with AsyncExitStack() as stack:
        client = connect(wiring.redis_url, **wiring.redis_options)
        stack.push_async_callback(client.aclose)
        offsets = Offsets(wiring.kafka)
        await offsets.start()
        stack.push_async_callback(offsets.stop)
        view = RedisView(client, lane, wiring.redis_prefix)
        raw = await view.ledger()
        # Check before fencing, because a mistyped offset must not disturb a running lane.
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
            raise UserError(
                f"lane {lane} cannot process the record at offset {offset}: {why}", "please report this as a bug"
            )
        await view.note_trouble(None)
        return opened.next_offset


async def _record_at(wiring: Wiring, offsets: Offsets, opened: Lane, first: int) -> LogRecord:
    """Return the record at which a lane stopped, or a stand-in for those deleted before ``first``."""
    lane, offset = opened.partition, opened.next_offset
    if offset < first:
        return deleted.stand_in(lane, offset, first, opened.state.ledger.appended)
    end = await offsets.end(topics.EVENTS, lane)
    async for records in read_committed(wiring.kafka, topics.EVENTS, lane, offset, end):
        return records[0]
    raise UserError(
        f"lane {lane} has no record at or after offset {offset}", ("list waiting records with `streamer lanes`")
    )


def _elsewhere(lane: int, stands: int) -> UserError:
    return UserError(
        f"lane {lane} stopped at offset {stands}, and only that record can be skipped",
        "list the offsets of all lanes with `streamer lanes`",
    )
