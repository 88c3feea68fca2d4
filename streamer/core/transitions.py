"""Transitions: assign segments by rules, apply the moves of a daily step, and record the resulting changes.

In all functions ``now`` is the append time (ms) that decides whether a change counts as live.
"""

from __future__ import annotations

from typing import cast

import msgspec

from models.behaviour.moves import Move
from models.customer.customer import Customer, Membership
from models.rules.assign import Reason, Transition, is_settled, retire
from models.rules.assign import assign as assign_by_rules
from models.rules.definitions import Definitions
from models.rules.due import next_due, next_moves
from models.rules.evaluate import facts
from models.rules.facts import Facts, copied
from schemas.changes import SAFE_CAUSES, Cause
from streamer.core.context import Context
from streamer.core.decision import Change, Trigger
from streamer.core.ledger import bump

BEHAVIOUR = "behaviour"


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """Why a customer is evaluated: the cause, the record if there is one, and the append time (ms)."""

    cause: Cause
    trigger: Trigger | None
    now: int


class _Model(msgspec.Struct, frozen=True, gc=False):
    """The model that decided a transition: ``kind`` and ``version`` of rules, bands or clusters, with details."""

    kind: str
    version: int
    confidence: float | None = None
    next_move: tuple[str, int] | None = None
    features: dict[str, float] | None = None


def definitions_of(context: Context, customer: Customer) -> Definitions:
    """Return the customer's version of the definitions."""
    version, newest = customer.definitions_version, context.definitions
    if version == newest.version:
        return newest
    return context.state.definitions.get(version, context.policy.definitions)


def assign(
    context: Context, customer: Customer, before: Facts | None, cause: Cause, trigger: Trigger | None, now: int
) -> None:
    """Assign the customer's segments by the rules at its ``as_of``. ``before`` are the facts without the event."""
    definitions = definitions_of(context, customer)
    after = facts(customer, customer.as_of, definitions, context.shop)
    transitions = assign_by_rules(customer, customer.as_of, definitions, context.shop, before, after)
    if transitions:
        _add_all(context, customer, transitions, after, definitions, Occasion(cause, trigger, now))
    if cause != "time":
        # A late event is evaluated at the customer's ``as_of``, and it changes the predictions of the nights since.
        context.schedule_nights(customer)


def apply_night(context: Context, customer: Customer, day: int, now: int) -> None:
    """Evaluate the rules against the predictions of the grid day ``day``.

    Nothing changes unless the customer moves, so it does not matter if a night is repeated, or skipped for a customer
    who is not in memory. A move that the previous day's version would not have made has cause ``refit``.
    """
    forecasts, shop, definitions = context.forecasts, context.shop, definitions_of(context, customer)
    assert forecasts is not None
    at, due, held = max(customer.as_of, context.grid.instant(day)), customer.due, dict(customer.segments)
    after = facts(customer, at, definitions, shop)
    # Most nights move no customer, and the earlier facts are needed only for reasons.
    if is_settled(customer, definitions, after):
        return
    before = facts(customer, customer.as_of, definitions, shop)
    as_it_was = dict(after.segments)
    transitions = assign_by_rules(customer, at, definitions, shop, before, after)
    if not transitions:
        customer.due = due
        return
    customer.as_of = at
    context.decision.touched[customer.id] = customer
    old, new = (forecasts.version_on(customer.clock_id, one) for one in (day - 1, day))
    elsewhere: dict[str, str] = {}
    if old.version != new.version:
        names = [name for name in forecasts.borders if name in after.values]
        otherwise = Facts({**after.values, **forecasts.values_of(customer, day, old, names)}, as_it_was)
        for segmentation in definitions.segmentations:
            was = held.get(segmentation.name)
            segment = segmentation.evaluate(None if was is None else was.segment, otherwise)
            elsewhere[segmentation.name] = otherwise.segments[segmentation.name] = segment
    for transition in transitions:
        by_version = elsewhere.get(transition.segmentation, transition.after) != transition.after
        occasion = Occasion("refit" if by_version else "time", None, now)
        _add_all(context, customer, [transition], after, definitions, occasion)


def apply_definitions(
    context: Context, customer: Customer, version: int, at: int, model: int, cluster: str | None, now: int
) -> None:
    """Bring the customer to another version of the declared segmentations, in force since ``at`` (ms).

    ``model`` is the version of the cluster model then in force, 0 if none; ``cluster`` is the customer's cluster in
    it, whether clusters are switched on or off.
    """
    old, new = definitions_of(context, customer), context.state.definitions[version]
    occasion = Occasion("definition_edit", None, now)
    customer.as_of = max(customer.as_of, at)
    customer.definitions_version = version
    if version == context.definitions.version:
        context.ledger.behind -= 1
    why = Reason("definitions", float(old.version), float(version), None)
    for transition in retire(customer, customer.as_of, old, new):
        kind = old.kinds.get(transition.segmentation)
        decided = _Model("clusters", model) if kind is None else _Model(kind, version)
        _add(context, customer, transition, occasion, decided)
    if cluster is not None and BEHAVIOUR in new.clusters and BEHAVIOUR not in customer.segments:
        customer.segments[BEHAVIOUR] = Membership(cluster, customer.as_of)
        transition = Transition(BEHAVIOUR, None, cluster, (why,), customer.as_of)
        _add(context, customer, transition, occasion, _Model("clusters", model))
    after = facts(customer, customer.as_of, new, context.shop)
    transitions = [
        transition if transition.reasons else msgspec.structs.replace(transition, reasons=(why,))
        for transition in assign_by_rules(customer, customer.as_of, new, context.shop, copied(after), after)
    ]
    if transitions:
        _add_all(context, customer, transitions, after, new, occasion)


def skip_definitions(context: Context, customer: Customer) -> None:
    """Bring a customer without consent to the newest version, which ends no membership."""
    customer.definitions_version = context.definitions.version
    context.ledger.behind -= 1


def apply_cluster_move(context: Context, customer: Customer, move: Move, at: int, now: int) -> None:
    """Apply a cluster move decided at the grid point ``at`` (ms).

    ``as_of`` stays: cluster models appear and disappear with the owner and must not affect how rules date a late
    event. Segmentations that refer to clusters are re-evaluated with the move.
    """
    definitions, shop = definitions_of(context, customer), context.shop
    if BEHAVIOUR not in definitions.clusters:
        return
    dependent = definitions.behind_clusters
    assigned_at = max(at, customer.as_of)
    before = facts(customer, assigned_at, definitions, shop) if dependent else None
    customer.segments[BEHAVIOUR] = Membership(move.to_id, at)
    reasons = tuple(Reason(r.feature, r.before, r.after, None, r.share) for r in move.reasons)
    transition = Transition(BEHAVIOUR, move.from_id, move.to_id, reasons, at)
    occasion = Occasion(cast(Cause, move.cause), None, now)
    decided = _Model("clusters", move.version, move.confidence, None, move.features)
    _add(context, customer, transition, occasion, decided)
    if dependent:
        after = facts(customer, assigned_at, definitions, shop)
        transitions = assign_by_rules(customer, assigned_at, definitions, shop, before, after, dependent)
        # Dues from before the move are still pending.
        customer.due = next_due(customer, customer.as_of, definitions, shop)
        if transitions:
            _add_all(context, customer, transitions, after, definitions, occasion)


def end_all(context: Context, customer: Customer, cause: Cause, trigger: Trigger | None, now: int) -> None:
    """End every membership at the customer's ``as_of``."""
    definitions, timeline = definitions_of(context, customer), context.ledger.timeline
    for name in sorted(customer.segments):
        kind, version = definitions.kinds.get(name), definitions.version
        if kind is None:
            kind, version = "clusters", timeline[-1].version if timeline else version
        held = customer.segments[name]
        # A daily step may have moved the customer later than the instant at which rules evaluate a late event.
        transition = Transition(name, held.segment, None, (), max(customer.as_of, held.since))
        _add(context, customer, transition, Occasion(cause, trigger, now), _Model(kind, version))
    customer.segments.clear()


def _add_all(
    context: Context,
    customer: Customer,
    transitions: list[Transition],
    after: Facts,
    definitions: Definitions,
    occasion: Occasion,
) -> None:
    """Add the changes of rule transitions, with the features they used and the next move by time."""
    features = {name: value for name, value in after.values.items() if value == value}
    names = [transition.segmentation for transition in transitions]
    moves = next_moves(customer, names, definitions, context.shop)
    for transition in transitions:
        name = transition.segmentation
        decided = _Model(definitions.kinds[name], definitions.version, None, moves.get(name), features)
        _add(context, customer, transition, occasion, decided)


def _add(context: Context, customer: Customer, transition: Transition, occasion: Occasion, decided: _Model) -> None:
    """Add a transition to the decision as the customer's next change, and update the counters."""
    ledger, cause = context.ledger, occasion.cause
    customer.seq += 1
    sizes = ledger.sizes.setdefault(transition.segmentation, {})
    if transition.before is not None:
        bump(sizes, transition.before, -1)
    if transition.after is not None:
        bump(sizes, transition.after)
    bump(ledger.changes.setdefault(transition.segmentation, {}), cause)
    is_live = abs(occasion.now - transition.at) <= context.policy.live_window_ms
    context.decision.changes.append(
        Change(
            customer_id=customer.id,
            born=customer.born,
            seq=customer.seq,
            segmentation=transition.segmentation,
            before=transition.before,
            after=transition.after,
            cause=cause,
            automation_safe=cause in SAFE_CAUSES and is_live,
            changed_at=transition.at,
            trigger=occasion.trigger,
            kind=decided.kind,
            version=decided.version,
            confidence=decided.confidence,
            next_move=decided.next_move,
            reasons=transition.reasons,
            features=decided.features or {},
        )
    )
