"""Report the status of each lane: position, lag, owner, and why it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.topics import EVENTS
from streamer.adapters.admin import PartitionLag, group_lag, hidden_by_transactions
from streamer.adapters.group import owners
from streamer.client.connections import Connections
from streamer.core.ledger import Ledger
from streamer.lanes import deleted
from streamer.lanes.trouble import Trouble

AHEAD_MS: Final = 3_600_000
"""A lane clock this far ahead of ours was moved by a wrong clock."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The status of one lane.

    Attributes
    ----------
    offset
        Offset of the first undecided record.
    lag
        Number of pending records.
    hidden
        Number of pending records that are unreadable because of a producer's open transaction.
    owner
        Worker as ``client id@host``; empty if there is none.
    clock, ahead
        The lane's clock (epoch ms), and whether it is more than an hour ahead of ours.
    hidden_by
        Producer of that transaction, in words; empty if the broker does not report it.
    why, hint
        Why the lane stopped and what to do; empty if it has not stopped.
    """

    lane: int
    offset: int
    lag: int
    hidden: int
    owner: str
    clock: int
    ahead: bool
    why: str = ""
    hint: str = ""
    hidden_by: str = ""


def stopped(to: Connections, ledgers: Iterable[Ledger], lag: Iterable[PartitionLag]) -> dict[int, Trouble]:
    """Return stopped lanes, including those with deleted records, which stop as soon as a worker takes them."""
    found = {lane: note for lane, note in to.view.troubles().items() if note.why}
    starts = {part.partition: part.start for part in lag}
    for ledger in ledgers:
        lane, stands = ledger.partition, ledger.next_offset
        if (first := starts.get(lane, 0)) > stands:
            hint = deleted.HINT.format(lane=lane, offset=stands)
            found.setdefault(lane, Trouble(stands, 0, deleted.why_deleted(stands, first), hint))
    return found


def lanes(to: Connections) -> list[LaneStatus]:
    """Return all lanes, in order."""
    topic = to.kafka.topic(EVENTS)
    held = {ledger.partition: ledger for ledger in to.view.ledgers()}
    owned = owners(to.bootstrap, to.kafka.group, topic, security=to.security)
    lag = {part.partition: part for part in group_lag(to.bootstrap, to.kafka.group, [topic], security=to.security)}
    troubles = stopped(to, held.values(), lag.values())
    hidden = hidden_by_transactions(to.bootstrap, topic, security=to.security)
    now = time.time_ns() // 1_000_000
    found = []
    for lane in range(to.lanes):
        ledger, trouble = held.get(lane), troubles.get(lane)
        part = lag.get(lane) or PartitionLag(topic, lane, 0, 0, None)
        offset = part.start if ledger is None else ledger.next_offset
        clock = 0 if ledger is None else ledger.clock
        found.append(
            LaneStatus(
                lane,
                offset,
                max(0, part.end - offset),
                hidden[lane].records if lane in hidden else 0,
                owned.get(lane, ""),
                clock,
                clock > now + AHEAD_MS,
                "" if trouble is None else trouble.why,
                "" if trouble is None else trouble.hint,
                hidden[lane].producer if lane in hidden else "",
            )
        )
    return found
