"""A lane's settings and dependencies besides its log and view, and the listener for its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.signing import ControlKeys
from streamer.core.decision import Decision
from streamer.core.decode import DecodedRecord
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.lanes.ports import WallClock
from streamer.lanes.trouble import Quarantine


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane runs; nothing here changes its decisions.

    Attributes
    ----------
    max_records
        Records after which no further waiting batch joins a transaction. Larger values rewrite each customer less
        often while a backlog is processed.
    step_seconds
        Seconds after which a step returns its undecided records, and later steps become smaller: the transaction must
        end before the broker aborts it, even on a busy machine.
    turn_records
        Records to decide before yielding to other lanes of the process.
    max_due
        Maximum number of due customers per batch, so that live records are not held up.
    max_residents
        Maximum number of customers in memory.
    tick_seconds
        How often an idle lane checks the clock, and a halted one whether it was released.
    wall_margin_ms
        How far a lane's clock stays behind the wall clock while idle: more than `Policy.lateness_ms`, so that the
        next record moves it further and a replay of the log decides the same.
    import_silence_ms
        The lane closes an open import after this long without a record, counted only while the lane runs.
    control_keys
        Keys to sign and verify control records, if set.
    grace_ms
        How long after an update, or the first start without a key, control records may be unsigned.
    deadletter_run, deadletter_ratio, deadletter_window
        When the lane stops because it rejects too much (`DeadLetterLimit`).
    """

    max_records: int = 8_000
    step_seconds: float = 2.0
    turn_records: int = 1_000
    max_due: int = 500
    max_residents: int = 100_000
    tick_seconds: float = 1.0
    wall_margin_ms: int = 10_000
    import_silence_ms: int = 600_000
    control_keys: ControlKeys | None = None
    grace_ms: int = 86_400_000
    deadletter_run: int = 1_000
    deadletter_ratio: float = 0.5
    deadletter_window: int = 2_000


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What all lanes of a process share. ``may_tick`` returns whether the wall clock may move idle lanes now."""

    policy: Policy
    clock: WallClock
    settings: LaneSettings = field(default_factory=LaneSettings)
    quarantine: Quarantine = field(default_factory=Quarantine)
    may_tick: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one committed step, for metrics and waiting callers. ``seconds`` is by stage."""

    partition: int
    decoded_records: Sequence[DecodedRecord]
    decision: Decision
    state: LaneState
    committed_ms: int
    seconds: dict[str, float]


class LaneListener(Protocol):
    """Receives lane events. All methods are called in the event loop of the lanes and must not block."""

    def fetch_again(self, lane: int, offset: int) -> None:
        """Records are missing: fetch again from this offset."""

    def stepped(self, step: Step) -> None:
        """A step was committed."""

    def halted(self, lane: int, why: str) -> None:
        """The lane stopped; ``why`` includes what to do about it."""

    def released(self, lane: int) -> None:
        """A stopped lane resumed."""

    def restoring(self, lane: int, passed: int, of: int) -> None:
        """A restore has processed ``passed`` of ``of`` changelog offsets."""

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        """A restore finished in ``seconds`` and read back ``customers`` customers."""


class Silent(LaneListener):
    """Ignores all events; subclass it to handle some."""

    def fetch_again(self, lane: int, offset: int) -> None:
        return None

    def stepped(self, step: Step) -> None:
        return None

    def halted(self, lane: int, why: str) -> None:
        return None

    def released(self, lane: int) -> None:
        return None

    def restoring(self, lane: int, passed: int, of: int) -> None:
        return None

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        return None
