"""Tracks whether the reason of a waiting proposal still holds; if not, the proposal is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from models.learning.drift import Drift
from models.learning.proposal import NEW_NUMBER, Proposal

NUMBER_CHECKS: Final = 2
"""Consecutive fortnightly checks that must find the number in force; a proposal needs as many that find another."""
QUIET_CHECKS: Final = 4
"""Consecutive weekly checks without an alarm."""


class Reason(msgspec.Struct, array_like=True):
    """Results of the owner's checks since the waiting proposal was made.

    Attributes
    ----------
    same
        Consecutive checks that found the number of segments in force stable.
    quiet
        Consecutive checks without an alarm.
    levels
        Mean distance to the centroid before and when ADWIN detected a change. ADWIN reports a change only once, so a
        check without an alarm does not mean that the change is over.
    """

    same: int = 0
    quiet: int = 0
    levels: tuple[float, float] | None = None

    def looked_at_k(self, found: int, in_force: int) -> None:
        """Record a check that found ``found`` segments stable."""
        self.same = self.same + 1 if found == in_force else 0

    def looked_at_drift(self, alarms: Sequence[str], drift: Drift) -> None:
        """Record a check with these alarms, or none."""
        self.quiet = 0 if alarms else self.quiet + 1
        if "adwin" in alarms and self.levels is None:
            self.levels = _level(drift.weeks[:-QUIET_CHECKS] or drift.weeks[:1]), _level(drift.weeks[-1:])

    def gone(self, proposal: Proposal, drift: Drift) -> bool:
        """Return whether the reason of the proposal no longer holds."""
        if proposal.why == NEW_NUMBER:
            return self.same >= NUMBER_CHECKS
        return self.quiet >= QUIET_CHECKS and self._as_before(proposal, _level(drift.weeks[-QUIET_CHECKS:]))

    def _as_before(self, proposal: Proposal, level: float) -> bool:
        if self.levels is None:
            # An owner version without levels wrote this proposal.
            return "adwin" not in proposal.alarms
        before, alarmed = self.levels
        return abs(level - before) < abs(level - alarmed)


def _level(weeks: Sequence[Sequence[float]]) -> float:
    """Return the mean distance to the centroid over some weeks."""
    return float(np.mean(weeks)) if weeks else 0.0
