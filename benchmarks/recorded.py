"""One lane's log of the simulated shop, with cluster versions where their owner published them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from models.features.time import DAY_MS
from models.learning.learner import LearnerConfig
from schemas.records import Headers, Record
from streamer.core.policy import Policy
from streamer.replay.replay import Replay
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

EVENTS_A_CUSTOMER_DAY = 877_000 / 10_000 / 365
WARM_DAYS = 35
# 2026-01-01, so that nothing depends on the day of the run.
_NOW = 1_767_225_600_000
# One customer in eight is in the panel, as in each of four lanes with 20,000 customers in total.
POLICY = Policy(lanes=1, panel_target=500)


class Recorded(msgspec.Struct):
    """A log, and the number of its records before the measured part: 35 days, so that clusters exist."""

    records: list[Record]
    warm: int


class _Recording(Replay):
    """A replay that keeps every record it receives, including its owner's versions."""

    def __init__(self, policy: Policy, learner: LearnerConfig, warm_until: int) -> None:
        super().__init__(policy, learner, _NOW)
        self.records: list[Record] = []
        self.warm = 0
        self._warm_until = warm_until

    def _decide(self, written: Iterable[tuple[bytes | None, bytes | None, Headers]], appended_ms: int) -> None:
        taken = list(written)
        offset = self.state.ledger.next_offset
        self.records.extend(Record(0, offset + at, appended_ms, *one) for at, one in enumerate(taken))
        super()._decide(taken, appended_ms)
        if any((opened.clock or 0) < self._warm_until for opened in self.state.ledger.imports.values()):
            self.warm = len(self.records)


def record(customers: int, events: int, seed: int = 1) -> Recorded:
    """Record the log of a lane with ``customers`` customers and ``events`` records after the first 35 days."""
    days = WARM_DAYS + int(events / customers / EVENTS_A_CUSTOMER_DAY) + 3
    start = _NOW - (days + 1) * DAY_MS
    learner = LearnerConfig(frame_days=(30, 60, 90))
    recording = _Recording(POLICY, learner, start + WARM_DAYS * DAY_MS)
    recording.run(Shop(ShopConfig(customers=customers, days=days, seed=seed, start=start)))
    return Recorded(recording.records[: recording.warm + events], recording.warm)


def lived(customers: int, days: int, policy: Policy = POLICY) -> Replay:
    """Return a shop after ``days`` days, with its lane's state and its owner's learner."""
    shop = Shop(ShopConfig(customers=customers, days=days, seed=1, start=_NOW - (days + 1) * DAY_MS))
    replay = Replay(policy, LearnerConfig(frame_days=(30, 60, 90)), _NOW)
    replay.run(shop)
    return replay


def recorded(customers: int, events: int, kept: Path | None = None) -> Recorded:
    """Return `record`'s log from the file ``kept``, recording it first if the file does not exist."""
    if kept is not None and kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=Recorded)
    made = record(customers, events)
    if kept is not None:
        kept.write_bytes(msgspec.msgpack.encode(made))
    return made
