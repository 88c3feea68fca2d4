"""Assignment: from a customer's statistics at an instant to segments, with reasons and the next due.

``facts`` returns everything rules may read. ``assign`` compares the facts before and after an event and returns the
transitions with complete reasons: replacing the named features in the earlier facts by their ``after`` values yields
the new segment.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from models.customer.customer import Customer, Membership
from models.features.features import FeatureContext
from models.rules.definitions import Definitions
from models.rules.due import is_held, next_due
from models.rules.evaluate import facts
from models.rules.facts import Facts
from schemas.changes import Reason as Reason


class Transition(msgspec.Struct, frozen=True):
    """A customer's move in one segmentation at ``at`` (ms).

    ``before`` is None on the first assignment; ``after`` is None if the segmentation no longer exists.
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
    """Assign the customer by the rules at ``at`` (ms), updating ``segments`` and ``due``; return the transitions.

    Parameters
    ----------
    before
        The facts before the event, for the reasons; None for a new customer.
    now
        The facts at ``at``, if the caller has them; their segments are updated.
    only
        Names of the segmentations to assign; None for all.
    """
    now = now or facts(customer, at, definitions, shop)
    transitions = []
    for segmentation in definitions.segmentations:
        if only is not None and segmentation.name not in only:
            continue
        held = customer.segments.get(segmentation.name)
        current = None if held is None else held.segment
        segment = segmentation.evaluate(current, now)
        if segment != current and not is_held(segmentation, held, at, shop):
            # A daily step may have moved the customer later than the instant of a late event.
            moved = at if held is None or held.since <= at else held.since
            reasons = segmentation.reasons(current, before, now)
            transitions.append(Transition(segmentation.name, current, segment, reasons, moved))
            customer.segments[segmentation.name] = Membership(segment, moved)
            now.segments[segmentation.name] = segment
    customer.due = next_due(customer, at, definitions, shop)
    return transitions


def is_settled(customer: Customer, definitions: Definitions, now: Facts) -> bool:
    """Return whether the facts ``now`` keep the customer in every current segment, so that `assign` has no transition."""
    for segmentation in definitions.segmentations:
        held = customer.segments.get(segmentation.name)
        current = None if held is None else held.segment
        if segmentation.evaluate(current, now) != current:
            return False
    return True


def retire(customer: Customer, at: int, old: Definitions, new: Definitions) -> list[Transition]:
    """End memberships in segmentations that ``new`` lacks, updating ``segments``; return the transitions."""
    there = {*new.kinds, *new.clusters}
    transitions = []
    for name in [name for name in customer.segments if name not in there]:
        gone = customer.segments.pop(name)
        why = Reason("definitions", float(old.version), float(new.version), None)
        transitions.append(Transition(name, gone.segment, None, (why,), max(at, gone.since)))
    return transitions
