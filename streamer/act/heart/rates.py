"""Limit rates with sliding windows of calls, kept as counts in sixty slices, so that a rate is never exceeded.

The oldest slice counts in full although part of it may have left the window, so the actual rate is lower by at most a
sixtieth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamer.act.plays.spans import Rate

_SLICES: Final = 60
_ANY: Final = 1 << 30
Windows = dict[int, dict[int, int]]


def free_at(windows: Windows, rates: Iterable[Rate], now: int) -> int:
    """Return the first instant (ms) from ``now`` on at which every rate allows one more call."""
    found = now
    for rate in rates:
        slices = windows.get(rate.per)
        if not slices or sum(slices.values()) < rate.count:
            continue
        size = max(1, rate.per // _SLICES)
        total = _used(slices, size, rate.per, now)
        for slice, count in sorted(slices.items()):
            leaves = (slice + 1) * size + rate.per
            if total < rate.count or leaves <= now:
                continue
            total -= count
            found = max(found, leaves)
    return found


def room(windows: Windows, rates: Iterable[Rate], now: int) -> int:
    """Return how many more calls every rate allows at ``now``. Without rates, that is more than anyone sends."""
    left = _ANY
    for rate in rates:
        slices = windows.get(rate.per)
        used = _used(slices, max(1, rate.per // _SLICES), rate.per, now) if slices else 0
        left = min(left, rate.count - used)
    return left


def _used(slices: dict[int, int], size: int, per: int, now: int) -> int:
    """Return the number of calls in a window. Usually all slices are in it, and a sum over all is four times as fast."""
    if (min(slices) + 1) * size > now - per:
        return sum(slices.values())
    return sum(count for slice, count in slices.items() if (slice + 1) * size > now - per)


def count(windows: Windows, rates: Iterable[Rate], now: int) -> None:
    """Count one call at ``now``, and drop slices that have left their window."""
    for rate in rates:
        size = max(1, rate.per // _SLICES)
        held = windows.setdefault(rate.per, {})
        held[now // size] = held.get(now // size, 0) + 1
        if (min(held) + 1) * size + rate.per <= now:
            for slice in [slice for slice in held if (slice + 1) * size + rate.per <= now]:
                del held[slice]
