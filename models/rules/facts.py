"""What conditions may look at: feature values and segments of one customer at one instant."""

from __future__ import annotations

import msgspec


class Facts(msgspec.Struct):
    """Feature values and segments of one customer at one instant; among the segments also features with words."""

    values: dict[str, float]
    segments: dict[str, str]


def copied(of: Facts) -> Facts:
    """Facts that stay as they are when ``of`` is changed."""
    return Facts(dict(of.values), dict(of.segments))
