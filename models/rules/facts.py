"""Facts: the feature values and segments of one customer at one instant that conditions may read."""

from __future__ import annotations

import msgspec


class Facts(msgspec.Struct):
    """Feature values and segments of one customer at one instant; ``segments`` also holds text features."""

    values: dict[str, float]
    segments: dict[str, str]


def copied(of: Facts) -> Facts:
    """Return an independent copy: later changes of ``of`` do not affect it."""
    return Facts(dict(of.values), dict(of.segments))
