"""From a customer's statistics at an instant to segments: which, why, and until when.

``facts`` are what rules may look at. ``settle`` compares the facts before and after what happened and gives the
shifts with complete reasons: putting the ``after`` values of the named features into the facts before gives
the new segment.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from models.customer import Customer, Membership
from models.definitions import Bands, Definitions, Leaf, Member, Segmentation
from models.due import next_due
from models.features import Shop
from models.judge import Facts, band_index, facts, judge, rule_index


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One thing that decided. ``border`` is what was crossed; ``share`` its part of the decision, for clusters."""

    feature: str
    before: float | str | None
    after: float | str | None
    border: float | str | None
    share: float | None = None


class Shift(msgspec.Struct, frozen=True):
    """A customer moved in one segmentation. ``before`` is None on the first assignment."""

    segmentation: str
    before: str | None
    after: str | None
    reasons: tuple[Reason, ...]


def settle(
    customer: Customer,
    at: int,
    definitions: Definitions,
    shop: Shop,
    before: Facts | None,
    now: Facts | None = None,
) -> list[Shift]:
    """Put the customer where the rules say at ``at``; changes ``segments`` and ``due``; gives the shifts.

    ``before`` are the facts without what happened, for the reasons; None for a new customer. ``now`` are the facts at
    ``at``, where the caller has them; its segments are brought up to date.
    """
    now = now or facts(customer, at, definitions, shop)
    shifts = []
    for segmentation in definitions.segmentations:
        held = customer.segments.get(segmentation.name)
        current = None if held is None else held.segment
        segment = judge(segmentation, current, now)
        if segment != current:
            shifts.append(Shift(segmentation.name, current, segment, _reasons(segmentation, current, before, now)))
            customer.segments[segmentation.name] = Membership(segment, at)
            now.segments[segmentation.name] = segment
    customer.due = next_due(customer, at, definitions, shop)
    return shifts


def _reasons(segmentation: Segmentation, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
    if isinstance(segmentation, Bands):
        return _band_reasons(segmentation, current, before, now)
    new = rule_index(segmentation, current, now)
    if current is None or before is None:
        rule = segmentation.rules[new]
        return tuple(
            _reason(leaf, False, None, now)
            for leaf, enter, stay in segmentation.leaf_tests[new]
            if (stay if rule.segment == current else enter)(now.values, now.segments)
        )
    # Every leaf of the rules that were looked at, before or after, whose truth turned over.
    last = max(new, rule_index(segmentation, current, before))
    found: dict[str, Reason] = {}
    for rule, tests in zip(segmentation.rules[: last + 1], segmentation.leaf_tests, strict=False):
        held = rule.segment == current
        for leaf, enter, stay in tests:
            test = stay if held else enter
            if test(before.values, before.segments) != test(now.values, now.segments):
                reason = _reason(leaf, held, before, now)
                found[reason.feature] = reason
    return tuple(found.values())


def _reason(leaf: Leaf, held: bool, before: Facts | None, now: Facts) -> Reason:
    if isinstance(leaf, Member):
        name = leaf.segmentation
        return Reason(
            name,
            None if before is None else before.segments.get(name),
            now.segments.get(name),
            ", ".join(sorted(leaf.segments)),
        )
    return Reason(
        leaf.feature,
        None if before is None else _number(before.values, leaf.feature),
        _number(now.values, leaf.feature),
        leaf.exit if held else leaf.enter,
    )


def _band_reasons(bands: Bands, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
    new = band_index(bands, current, now)
    held = next((i for i, band in enumerate(bands.bands) if band.segment == current), -1)
    falls = new < held
    border = bands.bands[new + 1].exit if falls else bands.bands[new].enter
    return (
        Reason(
            bands.feature,
            None if before is None else _number(before.values, bands.feature),
            _number(now.values, bands.feature),
            border if falls or new else bands.bands[1].enter,
        ),
    )


def _number(values: Mapping[str, float], name: str) -> float | None:
    value = values[name]
    # NaN (no order yet) has no place in JSON; it is told as absent.
    return None if value != value else value
