"""How each lane is: where it stands, what waits, who owns it, and why it has stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from schemas.topics import EVENTS
from streamer.adapters.admin import PartitionLag, group_lag, hidden_by_transactions
from streamer.adapters.group import owners
from streamer.client.connections import Connections

AHEAD_MS: Final = 3_600_000
"""A lane's clock so far ahead of ours was moved by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane.

    Attributes
    ----------
    offset
        The first record that is not decided.
    lag
        Records that wait.
    hidden
        How many of them stand behind a transaction that their producer left open: nobody can read them yet.
    owner
        The worker, ``client id@host``; empty where there is none.
    clock, ahead
        The lane's clock, ms, and whether it is more than an hour ahead of ours.
    why, hint
        Why it has stopped and what to do; empty where it has not.
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


def lanes(to: Connections) -> list[LaneStatus]:
    """All lanes, in order."""
    topic = to.kafka.topic(EVENTS)
    held = {ledger.partition: ledger for ledger in to.view.ledgers()}
    notes = to.view.troubles()
    owned = owners(to.bootstrap, to.kafka.group, topic, security=to.security)
    lag = {part.partition: part for part in group_lag(to.bootstrap, to.kafka.group, [topic], security=to.security)}
    hidden = hidden_by_transactions(to.bootstrap, topic, security=to.security)
    now = time.time_ns() // 1_000_000
    found = []
    for lane in range(to.lanes):
        ledger, note = held.get(lane), notes.get(lane)
        part = lag.get(lane) or PartitionLag(topic, lane, 0, 0, None)
        offset = part.start if ledger is None else ledger.next_offset
        clock = 0 if ledger is None else ledger.clock
        stopped = note is not None and bool(note.why)
        found.append(
            LaneStatus(
                lane,
                offset,
                max(0, part.end - offset),
                hidden.get(lane, 0),
                owned.get(lane, ""),
                clock,
                clock > now + AHEAD_MS,
                note.why if stopped and note is not None else "",
                note.hint if stopped and note is not None else "",
            )
        )
    return found
