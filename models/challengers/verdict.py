"""Decides whether a challenger becomes a proposal: it must beat the live model at two looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from models.challengers.figures import Interval

LOOKS_APART: Final = 28
"""Days between the two looks at which a challenger is evaluated."""
LOOKS: Final = 2

Verdict = Literal["proposed", "better, but not for lanes", "not better"]


def verdict(gains: Sequence[Interval], in_lanes: bool) -> Verdict:
    """Decide on a challenger by its log-loss gains over the live model, one for each look.

    A challenger is better if the lower bound of its 95 % interval is above 0 at both looks. Only one that lanes can
    score becomes a proposal.

    >>> good, level = Interval(0.02, 0.01, 0.03), Interval(0.01, -0.01, 0.03)
    >>> verdict([good, good], True), verdict([good, level], True), verdict([good, good], False)
    ('proposed', 'not better', 'better, but not for lanes')
    """
    if len(gains) < LOOKS or any(one.low <= 0.0 for one in gains):
        return "not better"
    return "proposed" if in_lanes else "better, but not for lanes"
