"""A proposal: a version waiting for a person's approval, and its effect, tried on a copy of the panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from models.behaviour.daily_step import Timeline, advance
from models.behaviour.layout import FIRST_CODE, IntArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel

TRIAL_DAYS: Final = 14
"""Inactive days in a trial: enough for a customer clearly closer to another segment to move there."""
NEW_NUMBER: Final = "segments"
NEW_FRAME: Final = "drift"


@dataclass(frozen=True, slots=True)
class Trial:
    """The effect of a version on the panel.

    Parameters
    ----------
    customers
        Number of panel customers in a segment now.
    moved
        Number of them that the version alone would move.
    flows
        From, to, customers; largest first.
    """

    customers: int
    moved: int
    flows: tuple[tuple[str, str, int], ...] = ()

    @property
    def share(self) -> float:
        """Share of the customers that would move."""
        return self.moved / self.customers if self.customers else 0.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version waiting for a decision. On approval the owner rebuilds it from the panel of that moment.

    Parameters
    ----------
    number
        Sequence number of proposals; never reused.
    why
        ``segments`` (another number of them is stable) or ``drift`` (the shop has changed since the frame was fitted).
    alarms
        The drift figures that caused it.
    """

    number: int
    day: int
    why: str
    model: ClusterModel
    trial: Trial
    alarms: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The key under which a rejection is remembered."""
        return f"{self.why}:{self.model.k}" if self.why == NEW_NUMBER else self.why

    def moves_at_most(self, share: float | None) -> bool:
        """Return whether the proposal moves at most this share and so needs no approval; always False without a limit."""
        return share is not None and self.trial.share <= share

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-safe content."""
        return {
            "number": self.number,
            "day": self.day,
            "why": self.why,
            "model": self.model.to_dict(),
            "trial": asdict(self.trial),
            "alarms": list(self.alarms),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Proposal:
        """Decode the output of ``to_dict``."""
        trial = data["trial"]
        return cls(
            number=data["number"],
            day=data["day"],
            why=data["why"],
            model=ClusterModel.from_dict(data["model"]),
            trial=Trial(trial["customers"], trial["moved"], tuple((a, b, int(n)) for a, b, n in trial["flows"])),
            alarms=tuple(data["alarms"]),
        )


def tried(memory: Memory, rows: Sequence[int], timeline: Timeline, model: ClusterModel, day: int) -> Trial:
    """Return the effect of ``model`` coming into force on the day after ``day``, by running the daily step on a copy.

    Only moves of cause ``refit`` count; others would happen without the version, too.
    """
    labelled = [row for row in rows if memory.segment_code(row) >= FIRST_CODE]
    copy = Memory(max(1, len(labelled)))
    copied: IntArray = np.array([copy.load(memory.dump(row)) for row in labelled], dtype=np.int64)
    moves = advance(copy, copied, np.full(len(copied), day + TRIAL_DAYS), [*timeline, (day + 1, model)])
    first = {move.row: move for move in reversed(moves) if move.cause == "refit" and move.from_id is not None}
    flows = Counter((move.from_id or "", move.to_id) for move in first.values())
    ordered = sorted(flows.items(), key=lambda item: (-item[1], item[0]))
    return Trial(len(labelled), len(first), tuple((a, b, count) for (a, b), count in ordered))
