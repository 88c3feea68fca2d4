"""From a customer's statistics at an instant to segments: which, why, and until when.

``facts`` are what rules may look at. ``settle`` compares the facts before and after what happened and gives the
shifts with complete reasons: putting the ``after`` values of the named features into the facts before gives
the new segment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite

import msgspec

from models.customer.customer import Customer, Membership
from models.features.features import FeatureContext
from models.rules.definitions import Bands, Definitions, Leaf, Member, Rules, Segmentation
from models.rules.due import is_held, next_due
from models.rules.evaluate import Facts, band_index, evaluate, facts, rule_index
from schemas.changes import Reason as Reason


class Transition(msgspec.Struct, frozen=True):
    """A customer moved in one segmentation at ``at`` (ms). ``before`` is None on the first assignment, ``after`` where
    the segmentation is no longer there.
    """

    segmentation: str
    before: str | None
    after: str | None
    reasons: tuple[Reason, ...]
    at: int


def assign(
    customer: Customer,
    at: int,
    definitions: Definitions,
    shop: FeatureContext,
    before: Facts | None,
    now: Facts | None = None,
    only: Collection[str] | None = None,
) -> list[Transition]:
    """Put the customer where the rules say at ``at``; changes ``segments`` and ``due``; gives the shifts.

    Parameters
    ----------
    before
        The facts without what happened, for the reasons; None for a new customer.
    now
        The facts at ``at``, where the caller has them; its segments are brought up to date.
    only
        Names of the segmentations to look at, if not all.
    """
    now = now or facts(customer, at, definitions, shop)
    transitions = []
    for segmentation in definitions.segmentations:
        if only is not None and segmentation.name not in only:
            continue
        held = customer.segments.get(segmentation.name)
        current = None if held is None else held.segment
        segment = evaluate(segmentation, current, now)
        if segment != current and not is_held(segmentation, held, at, shop):
            # A night may have moved the customer later than what rules say of a late event.
            moved = at if held is None or held.since <= at else held.since
            reasons = reasons_for(segmentation, current, before, now)
            transitions.append(Transition(segmentation.name, current, segment, reasons, moved))
            customer.segments[segmentation.name] = Membership(segment, moved)
            now.segments[segmentation.name] = segment
    customer.due = next_due(customer, at, definitions, shop)
    return transitions


def retire(customer: Customer, at: int, old: Definitions, new: Definitions) -> list[Transition]:
    """End the customer's memberships in segmentations that ``new`` does not have; changes ``segments``."""
    there = {*new.kinds, *new.clusters}
    transitions = []
    for name in [name for name in customer.segments if name not in there]:
        gone = customer.segments.pop(name)
        why = Reason("definitions", float(old.version), float(new.version), None)
        transitions.append(Transition(name, gone.segment, None, (why,), max(at, gone.since)))
    return transitions


def reasons_for(
    segmentation: Segmentation, current: str | None, before: Facts | None, now: Facts
) -> tuple[Reason, ...]:
    """Why a customer who was in ``current`` moves; see the module."""
    if isinstance(segmentation, Bands):
        guards = segmentation.guards
        if guards is None:
            return (_band_reason(segmentation, current, before, now),)
        found = _rule_reasons(guards, current, before, now)
        if evaluate(segmentation, current, now) in segmentation.provisional:
            return found
        return (*found, _band_reason(segmentation, current, before, now))
    return _rule_reasons(segmentation, current, before, now)


def _rule_reasons(rules: Rules, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
    """Every leaf of the rules that were looked at, before or after, whose truth turned over.

    Where none did (the first assignment, another version, the end of a dwell): what holds of the rule that decided,
    or, if that asks for nothing, what no longer holds of the rule that had decided.
    """
    new = rule_index(rules, current, now)
    found: dict[str, Reason] = {}
    if current is not None and before is not None:
        last = max(new, rule_index(rules, current, before))
        for rule, tests in zip(rules.rules[: last + 1], rules.leaf_tests, strict=False):
            held = rule.segment == current
            for leaf, enter, stay in tests:
                test = stay if held else enter
                if test(before.values, before.segments) != test(now.values, now.segments):
                    reason = _reason(leaf, held, before, now)
                    found[reason.feature] = reason
    if found:
        return tuple(found.values())
    known = before if current is not None else None
    held = rules.rules[new].segment == current
    tests = rules.leaf_tests[new]
    holding = [leaf for leaf, enter, stay in tests if (stay if held else enter)(now.values, now.segments)]
    # Where nothing of it holds, that is why: the condition asks for what is not.
    for leaf in holding or [leaf for leaf, _, _ in tests]:
        reason = _reason(leaf, held, known, now)
        found[reason.feature] = reason
    if not found and current is not None:
        for rule, tests in zip(rules.rules, rules.leaf_tests, strict=True):
            for leaf, _, stay in tests if rule.segment == current else ():
                if not stay(now.values, now.segments):
                    reason = _reason(leaf, True, known, now)
                    found[reason.feature] = reason
    return tuple(found.values())


def _reason(leaf: Leaf, held: bool, before: Facts | None, now: Facts) -> Reason:
    if isinstance(leaf, Member):
        name = leaf.segmentation
        return Reason(
            name,
            None if before is None else before.segments.get(name) or None,
            now.segments.get(name) or None,
            ", ".join(sorted(leaf.segments)) or None,
        )
    border = leaf.exit if held else leaf.enter
    return Reason(
        leaf.feature,
        None if before is None else _number(before.values, leaf.feature),
        _number(now.values, leaf.feature),
        border if isfinite(border) else None,
    )


def _band_reason(bands: Bands, current: str | None, before: Facts | None, now: Facts) -> Reason:
    new = band_index(bands, current, now)
    held = bands.index.get(current, -1)
    falls = new < held
    border = bands.bands[new + 1].exit if falls else bands.bands[new].enter
    return Reason(
        bands.feature,
        None if before is None else _number(before.values, bands.feature),
        _number(now.values, bands.feature),
        border if falls or new else bands.bands[1].enter,
    )


def _number(values: Mapping[str, float], name: str) -> float | None:
    value = values[name]
    # NaN (no order yet) has no place in JSON; it is told as absent.
    return None if value != value else value
