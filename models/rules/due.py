"""Dues: the instants at which time alone changes something, in closed form, and the next move they lead to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from math import isfinite

from models.customer.customer import Customer, Membership
from models.features.features import Feature, FeatureContext, feature_of
from models.rules.conditions import OPERATORS
from models.rules.definitions import Definitions
from models.rules.evaluate import facts
from models.rules.segmentation import Segmentation
from schemas.wire_time import LATEST_MS

_MOST_DUES = 16
"""Maximum number of dues searched for the next move."""

Test = tuple[Feature, Callable[[float, float], bool], float]
"""A comparison whose result time can flip: feature, operator, border."""


def tests(segmentation: Segmentation, current: str | None) -> tuple[Test, ...]:
    """Return the comparisons whose result time can flip for a customer in segment ``current``."""
    known = segmentation.ready
    found = known.get(current)
    if found is None:
        found = known[current] = tuple(
            (feature_of(name), OPERATORS[op], border)
            for name, op, border in segmentation.borders(current)
            # Skip tests of whether a number is known (border at minus infinity), because time does not change that.
            if feature_of(name).crossing is not None and isfinite(border)
        )
    return found


def next_due(customer: Customer, after: int, definitions: Definitions, shop: FeatureContext) -> int | None:
    """Return the first instant (ms) after ``after`` at which time alone may change a rule or band, or None."""
    return _first_due(customer, after, definitions.segmentations, shop)


def _first_due(
    customer: Customer, after: int, segmentations: Iterable[Segmentation], shop: FeatureContext
) -> int | None:
    best: int | None = None
    for segmentation in segmentations:
        due = segmentation_due(customer, after, segmentation, shop)
        if due is not None and (best is None or due < best):
            best = due
    return best


def segmentation_due(customer: Customer, after: int, segmentation: Segmentation, shop: FeatureContext) -> int | None:
    """Like `next_due`, for one segmentation."""
    held = customer.segments.get(segmentation.name)
    if held is not None and segmentation.dwell_days and is_held(segmentation, held, after, shop):
        # The dwell holds the customer whatever the conditions are, so evaluate again when it ends.
        return free_at(segmentation, held, shop)
    return _first_turn(customer, after, _crossings(customer, after, segmentation, held, shop), shop)


def _crossings(
    customer: Customer, after: int, segmentation: Segmentation, held: Membership | None, shop: FeatureContext
) -> list[tuple[int, Test]]:
    """Return the closed-form instant (ms) at which each comparison reaches its border, earliest first."""
    crossings = []
    for test in tests(segmentation, None if held is None else held.segment):
        crossing = test[0].crossing
        at = crossing(customer, test[2], shop) if crossing is not None else None
        # Time crosses a border only once; allow two milliseconds for rounding.
        if at is not None and after - 2 <= at <= LATEST_MS:
            crossings.append((at, test))
    if len(crossings) > 1:
        crossings.sort(key=_instant)
    return crossings


def _first_turn(
    customer: Customer, after: int, crossings: Sequence[tuple[int, Test]], shop: FeatureContext
) -> int | None:
    """Return the first instant (ms) after ``after`` at which one of the comparisons flips."""
    best: int | None = None
    for at, (feature, compare, border) in crossings:
        if best is not None and at > best + 2:
            break
        due = _turns(customer, after, at, feature, compare, border, shop)
        if due is not None and (best is None or due < best):
            best = due
    return best


def next_moves(
    customer: Customer, names: Collection[str], definitions: Definitions, shop: FeatureContext
) -> dict[str, tuple[str, int]]:
    """Return the next segment that time alone leads an assigned customer to, and when (ms), by segmentation.

    Changes that time causes meanwhile in segmentations their rules refer to are included. Segmentations that depend on
    predictions are omitted.
    """
    found: dict[str, tuple[str, int]] = {}
    # There is no closed form for the instant at which a prediction crosses a border.
    unforeseeable = definitions.behind_predictions
    wanted = frozenset(names) - unforeseeable
    needed = definitions.needed_for(wanted)
    every = len(needed) == len(definitions.segmentations)
    held, at = customer.segments, customer.due if every else _first_due(customer, customer.as_of, needed, shop)
    customer.segments = dict(held)
    try:
        for _ in range(_MOST_DUES):
            if at is None:
                break
            now = facts(customer, at, definitions, shop)
            for segmentation in needed:
                name = segmentation.name
                current = now.segments.get(name)
                segment = segmentation.evaluate(current, now)
                if segment != current and not is_held(segmentation, held.get(name), at, shop):
                    if name in wanted:
                        found[name] = segment, at
                    customer.segments[name] = Membership(segment, at)
                    now.segments[name] = segment
            if found and not wanted.isdisjoint(found):
                # Searching dues is expensive, so skip segmentations that only those found depend on.
                wanted = wanted.difference(found)
                needed = definitions.needed_for(wanted)
            if not wanted:
                break
            at = _first_due(customer, at, needed, shop)
    finally:
        customer.segments = held
    return found


def free_at(segmentation: Segmentation, held: Membership, shop: FeatureContext) -> int:
    """Return the grid point (ms) from which on the customer may leave the segment again.

    The minimum time between two switches is the *dwell time* of switched systems (Liberzon, *Switching in Systems and
    Control*, 2003, chapter 3); it limits how often a customer moves when features fluctuate.
    """
    days = shop.grid
    return days.instant(days.day_of(held.since) + segmentation.dwell_days)


def is_held(segmentation: Segmentation, held: Membership | None, at: int, shop: FeatureContext) -> bool:
    """Return whether the dwell keeps a customer in the segment at ``at`` (ms); it never applies to segments of guards."""
    if held is None or not segmentation.dwell_days or held.segment in segmentation.provisional:
        return False
    return at < free_at(segmentation, held, shop)


def _instant(crossing: tuple[int, Test]) -> int:
    return crossing[0]


def _turns(
    customer: Customer,
    after: int,
    at: int,
    feature: Feature,
    compare: Callable[[float, float], bool],
    border: float,
    shop: FeatureContext,
) -> int | None:
    """Return the first millisecond around ``at`` at which the comparison itself has flipped.

    The closed form and the comparison round differently in the last bit. A due one millisecond early would change
    nothing, and the move would be lost.
    """
    value = feature.value
    was = compare(value(customer, after, shop), border)
    at = max(at - 2, after + 1)
    for step in range(8):
        if compare(value(customer, at + step, shop), border) != was:
            return at + step
    return None
