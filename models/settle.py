"""From a customer's statistics at an instant to segments: which, why, and until when.

``facts`` are what rules may look at. ``settle`` compares the facts before and after what happened and gives the
shifts with complete reasons: putting the ``after`` values of the named features into the facts before gives
the new segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne

from models.customer import Customer, Membership
from models.definitions import (
    Bands,
    Compare,
    Condition,
    Definitions,
    Every,
    Leaf,
    Member,
    Negation,
    Rules,
    Segmentation,
    Some,
)
from models.features import FEATURES, Shop

_OPS = {">=": ge, ">": gt, "<=": le, "<": lt, "=": eq, "!=": ne}


@dataclass(slots=True)
class Facts:
    """Feature values and segments of one customer at one instant."""

    values: dict[str, float]
    segments: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that decided. ``border`` is what was crossed; ``share`` its part of the decision, for clusters."""

    feature: str
    before: float | str | None
    after: float | str | None
    border: float | str | None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """A customer moved in one segmentation. ``before`` is None on the first assignment."""

    segmentation: str
    before: str | None
    after: str | None
    reasons: tuple[Reason, ...]


def facts(customer: Customer, at: int, definitions: Definitions, shop: Shop) -> Facts:
    """What the rules of ``definitions`` may look at, at the instant ``at`` (ms)."""
    return Facts(
        {name: FEATURES[name].value(customer, at, shop) for name in definitions.features},
        {name: membership.segment for name, membership in customer.segments.items()},
    )


def settle(customer: Customer, at: int, definitions: Definitions, shop: Shop, before: Facts | None) -> list[Shift]:
    """Put the customer where the rules say at ``at``; changes ``segments`` and ``due``; gives the shifts.

    ``before`` are the facts without what happened, for the reasons; None for a new customer.
    """
    now = facts(customer, at, definitions, shop)
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


def judge(segmentation: Segmentation, current: str | None, now: Facts) -> str:
    """The segment of a customer who is in ``current`` and of whom ``now`` holds."""
    if isinstance(segmentation, Bands):
        return segmentation.bands[_band(segmentation, current, now)].segment
    return segmentation.rules[_rule(segmentation, current, now)].segment


def next_due(customer: Customer, after: int, definitions: Definitions, shop: Shop) -> int | None:
    """The first instant later than ``after`` at which time alone may change some rule or band, or None."""
    dues = [
        due
        for segmentation in definitions.segmentations
        if (due := segmentation_due(customer, after, segmentation, shop)) is not None
    ]
    return min(dues, default=None)


def segmentation_due(customer: Customer, after: int, segmentation: Segmentation, shop: Shop) -> int | None:
    """The same for one segmentation."""
    held = customer.segments.get(segmentation.name)
    current = None if held is None else held.segment
    best: int | None = None
    if isinstance(segmentation, Bands):
        index = next((i for i, band in enumerate(segmentation.bands) if band.segment == current), 0)
        tests: list[tuple[str, str, float]] = []
        if index > 0:
            tests.append((segmentation.feature, "<", segmentation.bands[index].exit))
        if index + 1 < len(segmentation.bands):
            tests.append((segmentation.feature, ">=", segmentation.bands[index + 1].enter))
    else:
        tests = [
            (leaf.feature, leaf.op, leaf.exit if rule.segment == current else leaf.enter)
            for rule, rule_leaves in zip(segmentation.rules, segmentation.leaves, strict=True)
            for leaf in rule_leaves
            if isinstance(leaf, Compare)
        ]
    for name, op, border in tests:
        due = _crossing(customer, after, name, op, border, shop)
        if due is not None and (best is None or due < best):
            best = due
    return best


def _crossing(customer: Customer, after: int, name: str, op: str, border: float, shop: Shop) -> int | None:
    feature = FEATURES[name]
    if feature.crossing is None or (at := feature.crossing(customer, border, shop)) is None:
        return None
    if at < after - 2:
        return None
    # The closed form and the comparison round differently in the last bit; the due must be the first
    # millisecond at which the comparison itself has turned over, or the move would be missed for ever.
    compare = _OPS[op]
    was = compare(feature.value(customer, after, shop), border)
    at = max(at, after + 1)
    for step in range(8):
        if compare(feature.value(customer, at + step, shop), border) != was:
            return at + step
    return None


def _band(bands: Bands, current: str | None, now: Facts) -> int:
    value = now.values[bands.feature]
    held = next((i for i, band in enumerate(bands.bands) if band.segment == current), -1)
    best = 0
    for index, band in enumerate(bands.bands):
        if index and value >= (band.exit if index <= held else band.enter):
            best = index
    return best


def _rule(rules: Rules, current: str | None, now: Facts) -> int:
    for index, rule in enumerate(rules.rules):
        if rule.when is None or _holds(rule.when, rule.segment == current, now):
            return index
    return len(rules.rules) - 1


def _holds(condition: Condition, held: bool, now: Facts) -> bool:
    match condition:
        case Compare(feature, op, enter, exit):
            return bool(_OPS[op](now.values[feature], exit if held else enter))
        case Member(segmentation, segments):
            return now.segments.get(segmentation) in segments
        case Every(parts):
            return all(_holds(part, held, now) for part in parts)
        case Some(parts):
            return any(_holds(part, held, now) for part in parts)
        case Negation(part):
            return not _holds(part, held, now)


def _reasons(segmentation: Segmentation, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
    if isinstance(segmentation, Bands):
        return _band_reasons(segmentation, current, before, now)
    new = _rule(segmentation, current, now)
    if current is None or before is None:
        rule = segmentation.rules[new]
        return tuple(
            _reason(leaf, False, None, now)
            for leaf in segmentation.leaves[new]
            if _holds(leaf, rule.segment == current, now)
        )
    # Every leaf of the rules that were looked at, before or after, whose truth turned over.
    last = max(new, _rule(segmentation, current, before))
    found: dict[str, Reason] = {}
    for rule, rule_leaves in zip(segmentation.rules[: last + 1], segmentation.leaves, strict=False):
        held = rule.segment == current
        for leaf in rule_leaves:
            if _holds(leaf, held, before) != _holds(leaf, held, now):
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
    new = _band(bands, current, now)
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
