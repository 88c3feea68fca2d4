"""What a lane is given beside its log and its view: how it runs, and which listener learns what it does."""

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
    """How a lane runs; nothing here changes what it decides.

    Attributes
    ----------
    max_records
        Records after which no further waiting batch joins a transaction: the more of them, the fewer customers are
        written again and again while a backlog is taken in.
    step_seconds
        After so long a step gives back the records that it has not decided, and the next ones are smaller: an open
        transaction must end before the broker ends it, on a busy machine, too.
    turn_records
        Records decided before other lanes of the process may have a turn.
    max_due
        Customers due by time that are taken with one batch, so that live records stay in between.
    max_residents
        Customers kept in memory.
    tick_seconds
        How often an idle lane looks at the clock, and a halted one whether somebody has released it.
    wall_margin_ms
        How much a lane's clock stays behind the wall clock while nothing arrives: more than `Policy.lateness_ms`, so
        that whatever comes next moves it further, and a replay of the log judges the same.
    import_silence_ms
        The lane closes an open import without a record for so long, while it listened.
    control_keys
        Sign and check control records, where set.
    grace_ms
        For so long after an update, or the first start without a key, control records need not be signed.
    deadletter_run, deadletter_ratio, deadletter_window
        When the lane stops because too much is refused (`DeadLetterLimit`).
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
    """What all lanes of a process share. ``may_look`` says whether the wall clock may move idle lanes just now."""

    policy: Policy
    clock: WallClock
    settings: LaneSettings = field(default_factory=LaneSettings)
    quarantine: Quarantine = field(default_factory=Quarantine)
    may_look: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one committed step, for metrics and waiting callers. ``seconds`` by stage."""

    partition: int
    decoded_records: Sequence[DecodedRecord]
    decision: Decision
    state: LaneState
    committed_ms: int
    seconds: dict[str, float]


class LaneListener(Protocol):
    """Learns what lanes do. All methods are called in the event loop of the lanes, and must not wait."""

    def fetch_again(self, lane: int, offset: int) -> None:
        """A hole was found: fetch again from this offset."""

    def stepped(self, step: Step) -> None:
        """A step was committed."""

    def halted(self, lane: int, why: str) -> None:
        """The lane stops, and why, with what to do about it."""

    def released(self, lane: int) -> None:
        """A lane that had stopped goes on."""

    def restoring(self, lane: int, passed: int, of: int) -> None:
        """A restore goes on: so many offsets of the changelog were passed, of so many."""

    def restored(self, state: LaneState, seconds: float, customers: int) -> None:
        """A restore has ended: how long it took, and how many customers were read back."""


class Silent(LaneListener):
    """Ignores everything; derive from it to handle some of it."""

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
