"""Create a lane in memory that owns a log of forty records, or has applied it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heart_lanes import TIGHT, Rig
from heart_logs import DAY, HOUR, T0, LogMaker, order, view
from heart_models import jumpy

from schemas.records import Record
from streamer.lanes.lane import Lane

WIDE = replace(TIGHT, max_records=1_000, turn_records=7, max_due=50, max_residents=1_000, tick_seconds=0.01)


def a_log(bad: set[int], event: bool) -> list[Record]:
    """Return forty records including a model; those in ``bad`` are poison or, without ``event``, plain bad JSON."""
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


async def owned(records: Sequence[Record] | None = None) -> tuple[Rig, Lane]:
    """Return a rig with records in its log, forty good ones by default, and the lane that owns them; none are applied."""
    rig = Rig(a_log(set(), event=True) if records is None else records, settings=WIDE)
    lane = await rig.own()
    rig.append(rig.records)
    return rig, lane


async def applied(records: Sequence[Record] | None = None, end: int | None = None) -> tuple[Rig, Lane]:
    """Return `owned`, after the lane has applied all records before ``end``."""
    rig, lane = await owned(records)
    lane.offer(rig.batch(0, end))
    while lane.next_offset < (len(rig.records) if end is None else end):
        await lane.turn()
    return rig, lane
