"""Forward decay: sums that fade with event time and only ever need additions.

Cormode, Shkapenyuk, Srivastava, Xu: *Forward decay: a practical time decay model for streaming systems*, ICDE 2009,
with an exponential g. An amount x at instant t is stored as x * 2 ** ((t - L) / half_life); the decayed sum at ``now``
is the stored sum times 2 ** -((now - L) / half_life). All customers share one landmark L, so a merge is a plain
addition, and the sum does not depend on the order of arrival.

A double covers about 2,000 half-lives, or 27 years at a half-life of 5 days. Each *era* of 1,024 half-lives therefore
has its own landmark, and a customer's sums are stored in the era of its latest event. Moving sums to a later era
multiplies them by a power of two, which is exact. Amounts a whole era old have decayed to zero.
"""

from __future__ import annotations

from math import exp2, floor, log2
from typing import Final

# 2020-01-01, in the middle of era 0.
LANDMARK: Final = 1_577_836_800_000
ERA: Final = 1024
"""Half-lives per era."""
HALF_ERA: Final = 512.0


def era_of(at: int, half_life: float) -> int:
    """Return the era that contains an instant; ``half_life`` in ms."""
    return floor((at - LANDMARK) / half_life / ERA + 0.5)


def weight(at: int, half_life: float, era: int = 0) -> float:
    """Return the weight of one unit at ``at`` in a sum stored in ``era``, its own or a later one; ``half_life`` in ms."""
    return exp2((at - LANDMARK) / half_life - ERA * era)


def carried(eras: int) -> float:
    """Return the factor that moves a stored sum forward by ``eras`` eras."""
    return exp2(-ERA * eras)


def decayed(stored: float, now: int, half_life: float, era: int = 0) -> float:
    """Return the decayed sum at ``now`` (ms) of a sum stored in ``era``; ``half_life`` in ms."""
    return stored * exp2((LANDMARK - now) / half_life + ERA * era)


def falls_to(stored: float, border: float, half_life: float, era: int = 0) -> float | None:
    """Return the instant (ms) at which a stored sum has decayed to ``border``; None if it never does.

    A negative sum rises to a negative border.
    """
    if stored == 0 or border == 0 or (stored > 0) != (border > 0):
        return None
    return LANDMARK + half_life * (log2(abs(stored)) - log2(abs(border)) + ERA * era)
