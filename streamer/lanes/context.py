"""Define a lane's settings and dependencies other than its log and view, and the listener for its progress."""

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
    """Operational settings of a lane; none of them changes its decisions.

    Attributes
    ----------
    max_records
        Records after which no further waiting batch joins a transaction. Larger values rewrite each customer less
        often while a backlog is processed.
    step_seconds
        Seconds after which a step returns its undecided records, and later steps become smaller: the transaction must
        end before the broker aborts it, even on a busy machine.
    turn_records
        Number of records to decide before yielding to other lanes of the process.
    max_due
        Maximum number of due customers per batch, so that live records are not held up.
    max_residents
        Maximum number of customers in memory.
    tick_seconds
        Interval at which an idle lane checks the clock, and a halted lane checks whether it was released.
    wall_margin_ms
        How far an idle lane's clock stays behind the wall clock: more than `Policy.lateness_ms`, so that the
        next record moves it further and a replay of the log decides the same.
    import_silence_ms
        Silence after which the lane closes an open import, counted only while the lane runs.
    control_keys
        Keys that sign and verify control records, if set.
    grace_ms
        Period after an update, or the first start without a key, in which control records may be unsigned.
    deadletter_run, deadletter_ratio, deadletter_window
        Limits of rejected records at which the lane stops (`DeadLetterLimit`).
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
    """Dependencies shared by all lanes of a process.

    ``may_tick`` returns whether the wall clock may currently advance idle lanes.
    """

    policy: Policy
    clock: WallClock
    settings: LaneSettings = field(default_factory=LaneSettings)
    quarantine: Quarantine = field(default_factory=Quarantine)
    may_tick: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a committed step, for metrics and waiting callers. ``seconds`` is by stage."""

    partition: int
    decoded_records: Sequence[DecodedRecord]
    decision: Decision
    state: LaneState
    committed_ms: int
    seconds: dict[str, float]


class LaneListener(Protocol):
    """Receives lane events. All methods are called in the lanes' event loop and must not block."""

    def fetch_again(self, lane: int, offset: int) -> None:
        """Fetch again from this offset, because records are missing."""

    def stepped(self, step: Step) -> None:
        """Called when a step was committed."""

    def halted(self, lane: int, why: str) -> None:
        """Called when the lane stopped; ``why`` includes how to fix it."""

    def released(self, lane: int) -> None:
        """Called when a stopped lane resumed."""

    def restoring(self, lane: int, passed: int, of: int) -> None:
        """Called when a restore has processed ``passed`` of ``of`` changelog offsets."""

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        """Called when a restore finished in ``seconds`` and read back ``customers`` customers."""


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
