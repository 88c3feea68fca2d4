"""Forward decay: sums that fade with event time and only ever need additions.

Cormode, Shkapenyuk, Srivastava, Xu: *Forward decay: a practical time decay model for streaming systems*, ICDE
2009, with an exponential g. An amount x of instant t is stored as x * 2 ** ((t - L) / half_life); the decayed sum at
``now`` is the stored sum times 2 ** -((now - L) / half_life). One landmark L for many customers makes a merge a plain
addition, and arrival in any order gives the same sum.

A double holds about 2,000 half-lives, which are 27 years where a half-life is 5 days. So there is one landmark to an
*era* of 1,024 half-lives, and a customer's sums are those of the latest era that something happened in: to enter a later
one they are multiplied by a power of two, which rounds nothing. What is a whole era older has faded to nothing.
"""

from __future__ import annotations

from math import exp2, floor, log2
from typing import Final

# 2020-01-01, in the middle of era 0.
LANDMARK: Final = 1_577_836_800_000
ERA: Final = 1024
"""Half-lives of an era."""
HALF_ERA: Final = 512.0


def era_of(at: int, half_life: float) -> int:
    """The era of an instant; ``half_life`` in ms."""
    return floor((at - LANDMARK) / half_life / ERA + 0.5)


def weight(at: int, half_life: float, era: int = 0) -> float:
    """What one unit at instant ``at`` adds to a sum stored in an era, its own or a later one; ``half_life`` in ms."""
    return exp2((at - LANDMARK) / half_life - ERA * era)


def carried(eras: int) -> float:
    """What a stored sum is multiplied by to stand in an era so many later."""
    return exp2(-ERA * eras)


def decayed(stored: float, now: int, half_life: float, era: int = 0) -> float:
    """The decayed sum at ``now`` of a sum stored in an era."""
    return stored * exp2((LANDMARK - now) / half_life + ERA * era)


def falls_to(stored: float, border: float, half_life: float, era: int = 0) -> float | None:
    """The instant (ms) at which a stored sum has decayed to ``border``; None if it never does.

    A sum below zero rises to a border below zero.
    """
    if stored == 0 or border == 0 or (stored > 0) != (border > 0):
        return None
    return LANDMARK + half_life * (log2(abs(stored)) - log2(abs(border)) + ERA * era)
