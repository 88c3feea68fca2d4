"""What rules may look at, and the segment that follows from it."""

from __future__ import annotations

import msgspec

from models.customer import Customer
from models.definitions import Bands, Definitions, Rules, Segmentation
from models.features import FEATURES, Shop


class Facts(msgspec.Struct):
    """Feature values and segments of one customer at one instant."""

    values: dict[str, float]
    segments: dict[str, str]


def facts(customer: Customer, at: int, definitions: Definitions, shop: Shop) -> Facts:
    """What the rules of ``definitions`` may look at, at the instant ``at`` (ms)."""
    return Facts(
        {name: FEATURES[name].value(customer, at, shop) for name in definitions.features},
        {name: membership.segment for name, membership in customer.segments.items()},
    )


def judge(segmentation: Segmentation, current: str | None, now: Facts) -> str:
    """The segment of a customer who is in ``current`` and of whom ``now`` holds."""
    if isinstance(segmentation, Bands):
        return segmentation.bands[band_index(segmentation, current, now)].segment
    return segmentation.rules[rule_index(segmentation, current, now)].segment


def band_index(bands: Bands, current: str | None, now: Facts) -> int:
    """Which band: enter borders decide upwards, exit borders downwards."""
    value = now.values[bands.feature]
    held = next((i for i, band in enumerate(bands.bands) if band.segment == current), -1)
    best = 0
    for index, band in enumerate(bands.bands):
        if index and value >= (band.exit if index <= held else band.enter):
            best = index
    return best


def rule_index(rules: Rules, current: str | None, now: Facts) -> int:
    """Which rule is the first that holds."""
    values, segments = now.values, now.segments
    for index, (segment, enter, stay) in enumerate(rules.predicates):
        if (stay if segment == current else enter)(values, segments):
            return index
    return len(rules.rules) - 1
