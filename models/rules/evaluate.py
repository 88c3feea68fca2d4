"""What rules may look at, and the segment that follows from it."""

from __future__ import annotations

import msgspec

from models.customer.customer import Customer
from models.features.features import MISSING, FeatureContext, feature_of, label_of
from models.rules.compiling import values_of
from models.rules.definitions import Bands, Definitions, Rules, Segmentation


class Facts(msgspec.Struct):
    """Feature values and segments of one customer at one instant; among the segments also features with words."""

    values: dict[str, float]
    segments: dict[str, str]


def facts(customer: Customer, at: int, definitions: Definitions, shop: FeatureContext) -> Facts:
    """What the rules of ``definitions`` may look at, at the instant ``at`` (ms)."""
    segments = {name: membership.segment for name, membership in customer.segments.items()}
    ready = definitions.ready
    if "values" not in ready:
        ready["labels"] = [label_of(name, name in definitions.asked_words) for name in definitions.labels]
        ready["values"] = values_of({name: feature_of(name).value for name in definitions.features})
    for label in ready["labels"]:
        segments[label.name] = label.value(customer) or MISSING
    values = ready["values"]
    return Facts(values(customer, at, shop), segments)


def copied(of: Facts) -> Facts:
    """Facts that stay as they are when ``of`` is changed."""
    return Facts(dict(of.values), dict(of.segments))


def evaluate(segmentation: Segmentation, current: str | None, now: Facts) -> str:
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
