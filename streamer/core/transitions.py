"""Moves: settling a customer by the rules, taking over what a night decided, and the change that comes of it."""

from __future__ import annotations

from typing import cast

import msgspec

from models.behaviour.moves import Move
from models.customer.customer import Customer, Membership
from models.rules.assign import Reason, Transition, assign, retire
from models.rules.definitions import Definitions
from models.rules.due import next_due, next_moves
from models.rules.evaluate import facts
from models.rules.facts import Facts, copied
from schemas.changes import SAFE_CAUSES, Cause
from streamer.core.decision import Change, Decision, Trigger
from streamer.core.ledger import bump
from streamer.core.policy import Policy
from streamer.core.state import LaneState

BEHAVIOUR = "behaviour"


class Transitions:
    """Writes changes into one outcome.

    ``now`` is, in all methods, the append time (ms) by which a change counts as live.

    Attributes
    ----------
    definitions
        The newest version of the declared segmentations; whoever writes here keeps it so.
    """

    def __init__(self, state: LaneState, policy: Policy, decision: Decision) -> None:
        self._state = state
        self._ledger = state.ledger
        self.definitions = state.in_force(policy)
        self._policy = policy
        self._shop = policy.shop
        self._decision = decision

    def definitions_of(self, customer: Customer) -> Definitions:
        """The version that the customer was brought to."""
        definitions_version = customer.definitions_version
        if definitions_version == self.definitions.version:
            return self.definitions
        return self._state.definitions.get(definitions_version, self._policy.definitions)

    def assign(self, customer: Customer, before: Facts | None, cause: Cause, trigger: Trigger | None, now: int) -> None:
        """Put the customer where the rules say at its ``as_of``. ``before`` are the facts without what happened."""
        definitions = self.definitions_of(customer)
        after = facts(customer, customer.as_of, definitions, self._shop)
        transitions = assign(customer, customer.as_of, definitions, self._shop, before, after)
        if transitions:
            self._tell(customer, transitions, after, definitions, cause, trigger, now)

    def _tell(
        self,
        customer: Customer,
        transitions: list[Transition],
        after: Facts,
        definitions: Definitions,
        cause: Cause,
        trigger: Trigger | None,
        now: int,
    ) -> None:
        features = {name: value for name, value in after.values.items() if value == value}
        moves = next_moves(customer, [transition.segmentation for transition in transitions], definitions, self._shop)
        for transition in transitions:
            kind, move = definitions.kinds[transition.segmentation], moves.get(transition.segmentation)
            self._emit(customer, transition, cause, trigger, now, kind, definitions.version, None, move, features)

    def edit(self, customer: Customer, version: int, at: int, model: int, cluster: str | None, now: int) -> None:
        """Bring the customer to another version of the declared segmentations, in force since ``at`` (ms).

        ``model`` is the version of the cluster model in force then, 0 where there is none, and ``cluster`` where it
        has the customer, whether clusters are switched on or off.
        """
        old, new = self.definitions_of(customer), self._state.definitions[version]
        customer.as_of = max(customer.as_of, at)
        customer.definitions_version = version
        if version == self.definitions.version:
            self._ledger.behind -= 1
        why = Reason("definitions", float(old.version), float(version), None)
        for transition in retire(customer, customer.as_of, old, new):
            kind, by = (
                (old.kinds[transition.segmentation], version)
                if transition.segmentation in old.kinds
                else ("clusters", model)
            )
            self._emit(customer, transition, "definition_edit", None, now, kind, by, None, None, {})
        if cluster is not None and BEHAVIOUR in new.clusters and BEHAVIOUR not in customer.segments:
            customer.segments[BEHAVIOUR] = Membership(cluster, customer.as_of)
            transition = Transition(BEHAVIOUR, None, cluster, (why,), customer.as_of)
            self._emit(customer, transition, "definition_edit", None, now, "clusters", model, None, None, {})
        after = facts(customer, customer.as_of, new, self._shop)
        transitions = [
            transition if transition.reasons else msgspec.structs.replace(transition, reasons=(why,))
            for transition in assign(customer, customer.as_of, new, self._shop, copied(after), after)
        ]
        if transitions:
            self._tell(customer, transitions, after, new, "definition_edit", None, now)

    def pass_edit(self, customer: Customer) -> None:
        """Bring a customer without consent to the newest version: it moves nobody who is in no segment."""
        customer.definitions_version = self.definitions.version
        self._ledger.behind -= 1

    def end_all(self, customer: Customer, cause: Cause, trigger: Trigger | None, now: int) -> None:
        """End every membership, at the customer's ``as_of``."""
        definitions, timeline = self.definitions_of(customer), self._ledger.timeline
        for name in sorted(customer.segments):
            kind, version = definitions.kinds.get(name), definitions.version
            if kind is None:
                kind, version = "clusters", timeline[-1].version if timeline else version
            held = customer.segments[name]
            # A night may have moved the customer later than what rules say of a late event.
            transition = Transition(name, held.segment, None, (), max(customer.as_of, held.since))
            self._emit(customer, transition, cause, trigger, now, kind, version, None, None, {})
        customer.segments.clear()

    def _emit(
        self,
        customer: Customer,
        transition: Transition,
        cause: Cause,
        trigger: Trigger | None,
        now: int,
        kind: str,
        version: int,
        confidence: float | None,
        next_move: tuple[str, int] | None,
        features: dict[str, float],
    ) -> None:
        ledger = self._ledger
        customer.seq += 1
        sizes = ledger.sizes.setdefault(transition.segmentation, {})
        if transition.before is not None:
            bump(sizes, transition.before, -1)
        if transition.after is not None:
            bump(sizes, transition.after)
        bump(ledger.changes.setdefault(transition.segmentation, {}), cause)
        self._decision.changes.append(
            Change(
                customer_id=customer.id,
                born=customer.born,
                seq=customer.seq,
                segmentation=transition.segmentation,
                before=transition.before,
                after=transition.after,
                cause=cause,
                automation_safe=cause in SAFE_CAUSES and abs(now - transition.at) <= self._policy.live_window_ms,
                changed_at=transition.at,
                trigger=trigger,
                kind=kind,
                version=version,
                confidence=confidence,
                next_move=next_move,
                reasons=transition.reasons,
                features=features,
            )
        )

    def night(self, customer: Customer, move: Move, at: int, now: int) -> None:
        """Take over a move that the clusters decided at the grid point ``at`` (ms).

        ``as_of`` stays: clusters come and go with the owner, and must not date what rules say of a late event. What
        looks at clusters moves with them.
        """
        definitions = self.definitions_of(customer)
        if BEHAVIOUR not in definitions.clusters:
            return
        behind = definitions.behind_clusters
        settled_at = max(at, customer.as_of)
        before = facts(customer, settled_at, definitions, self._shop) if behind else None
        customer.segments[BEHAVIOUR] = Membership(move.to_id, at)
        reasons = tuple(Reason(r.feature, r.before, r.after, None, r.share) for r in move.reasons)
        transition = Transition(BEHAVIOUR, move.from_id, move.to_id, reasons, at)
        self._emit(
            customer,
            transition,
            cast(Cause, move.cause),
            None,
            now,
            "clusters",
            move.version,
            move.confidence,
            None,
            move.features,
        )
        if behind:
            after = facts(customer, settled_at, definitions, self._shop)
            transitions = assign(customer, settled_at, definitions, self._shop, before, after, behind)
            # What was due before is still to come.
            customer.due = next_due(customer, customer.as_of, definitions, self._shop)
            if transitions:
                self._tell(customer, transitions, after, definitions, cast(Cause, move.cause), None, now)
