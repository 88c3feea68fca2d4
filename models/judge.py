"""What rules may look at, and the segment that follows from it."""

from __future__ import annotations

import msgspec

from models.compiling import values_of
from models.customer import Customer
from models.definitions import Bands, Definitions, Rules, Segmentation
from models.features import FEATURES, LABELS, MISSING, Shop


class Facts(msgspec.Struct):
    """Feature values and segments of one customer at one instant; among the segments also features with words."""

    values: dict[str, float]
    segments: dict[str, str]


def facts(customer: Customer, at: int, definitions: Definitions, shop: Shop) -> Facts:
    """What the rules of ``definitions`` may look at, at the instant ``at`` (ms)."""
    segments = {name: membership.segment for name, membership in customer.segments.items()}
    for name in definitions.labels:
        segments[name] = LABELS[name].value(customer) or MISSING
    values = definitions.ready.get("values")
    if values is None:
        values = values_of({name: FEATURES[name].value for name in definitions.features})
        definitions.ready["values"] = values
    return Facts(values(customer, at, shop), segments)


def copied(of: Facts) -> Facts:
    """Facts that stay as they are when ``of`` is changed."""
    return Facts(dict(of.values), dict(of.segments))


def judge(segmentation: Segmentation, current: str | None, now: Facts) -> str:
    """The segment of a customer who is in ``current`` and of whom ``now`` holds."""
    if isinstance(segmentation, Bands):
        guards = segmentation.guards
        if guards is not None and (first := rule_index(guards, current, now)) < len(guards.rules) - 1:
            return guards.rules[first].segment
        return segmentation.bands[band_index(segmentation, current, now)].segment
    return segmentation.rules[rule_index(segmentation, current, now)].segment


def band_index(bands: Bands, current: str | None, now: Facts) -> int:
    """Which band: enter borders decide upwards, exit borders downwards."""
    value = now.values[bands.feature]
    held = bands.index.get(current, -1)
    for place in range(len(bands.bands) - 1, 0, -1):
        band = bands.bands[place]
        if value >= (band.exit if place <= held else band.enter):
            return place
    return 0


def rule_index(rules: Rules, current: str | None, now: Facts) -> int:
    """Which rule is the first that holds."""
    return rules.chooser(current)(now.values, now.segments)
