"""A named series of values, and the scale on which it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one name, one per label of the chart; ``colour`` is an index of a `Palette`. NaN is drawn as a gap."""

    name: str
    values: Sequence[float]
    colour: int


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from at or below ``low`` to at or above ``high``, including zero, usually at most ``most``.

    >>> ticks(0, 87), ticks(-3, 12), ticks(0, 0)
    ([0, 20, 40, 60, 80, 100], [-5, 0, 5, 10, 15], [0, 1])
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if not (isfinite(low) and isfinite(high)) or high - low <= 0:
        return [0, 1]
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    found = [at * step for at in range(first, last + 1)]
    return [int(one) if float(one).is_integer() else round(one, 12) for one in found]
