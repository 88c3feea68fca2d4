"""Is the reason of a waiting proposal still there? Where it is gone the proposal is withdrawn: nobody agrees to old news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from models.learning.drift import Drift
from models.learning.proposal import NEW_NUMBER, Proposal

LOOKS_AT_K: Final = 2
"""Fortnightly looks in a row that must find the number in force; a proposal asks for as many that find another."""
QUIET_LOOKS: Final = 4
"""Weekly looks in a row without an alarm."""


class Reason(msgspec.Struct, array_like=True):
    """What the owner's looks have said since the waiting proposal was made.

    Attributes
    ----------
    same
        Looks in a row that found the number of segments in force stable.
    quiet
        Looks in a row without an alarm.
    levels
        Mean distance to the centroid before and when ADWIN heard a change. ADWIN hears a change once, and is silent
        while the shop stays changed; so its silence alone says nothing.
    """

    same: int = 0
    quiet: int = 0
    levels: tuple[float, float] | None = None

    def looked_at_k(self, found: int, in_force: int) -> None:
        """A look found so many segments stable."""
        self.same = self.same + 1 if found == in_force else 0

    def looked_at_drift(self, alarms: Sequence[str], drift: Drift) -> None:
        """A look raised these alarms, or none."""
        self.quiet = 0 if alarms else self.quiet + 1
        if "adwin" in alarms and self.levels is None:
            self.levels = _level(drift.weeks[:-QUIET_LOOKS] or drift.weeks[:1]), _level(drift.weeks[-1:])

    def gone(self, proposal: Proposal, drift: Drift) -> bool:
        """Whether what the proposal was made for is no more."""
        if proposal.why == NEW_NUMBER:
            return self.same >= LOOKS_AT_K
        return self.quiet >= QUIET_LOOKS and self._as_before(proposal, _level(drift.weeks[-QUIET_LOOKS:]))

    def _as_before(self, proposal: Proposal, level: float) -> bool:
        if self.levels is None:
            # Made by an owner that did not note them yet.
            return "adwin" not in proposal.alarms
        before, alarmed = self.levels
        return abs(level - before) < abs(level - alarmed)


def _level(weeks: Sequence[Sequence[float]]) -> float:
    """Mean distance to the centroid in some weeks."""
    return float(np.mean(weeks)) if weeks else 0.0
