"""Forward decay: sums that fade with event time and only ever need additions.

Cormode, Shkapenyuk, Srivastava, Xu: *Forward decay: a practical time decay model for streaming systems*, ICDE
2009, with an exponential g. An amount x of instant t is stored as x * 2 ** ((t - LANDMARK) / half_life); the
decayed sum at ``now`` is the stored sum times 2 ** -((now - LANDMARK) / half_life). One landmark for all
customers makes a merge a plain addition, and arrival in any order gives the same sum.
"""

from __future__ import annotations

from math import exp2, log2

# 2020-01-01. With half-lives of 5 days or more, doubles hold the weights until 2033 and beyond.
LANDMARK = 1_577_836_800_000


def weight(at: int, half_life: float) -> float:
    """What one unit at instant ``at`` adds to a stored sum; ``half_life`` in ms."""
    return exp2((at - LANDMARK) / half_life)


def decayed(stored: float, now: int, half_life: float) -> float:
    """The decayed sum at ``now`` of a stored sum."""
    return stored * exp2((LANDMARK - now) / half_life)


def falls_to(stored: float, border: float, half_life: float) -> float | None:
    """The instant (ms) at which a stored sum has decayed to ``border``; None if it never does.

    A sum below zero rises to a border below zero.
    """
    if stored == 0 or border == 0 or (stored > 0) != (border > 0):
        return None
    return LANDMARK + half_life * log2(stored / border)
