"""Moves: settling a customer by the rules, taking over what a night decided, and the change that comes of it."""

from __future__ import annotations

from typing import cast

from models.behaviour.moves import Move
from models.customer import Customer, Membership
from models.due import next_moves
from models.judge import Facts, facts
from models.settle import Reason, Shift, settle
from schemas.changes import SAFE_CAUSES, Cause
from streamer.ledger import bump
from streamer.outcome import Change, Outcome, Trigger
from streamer.policy import Policy
from streamer.state import LaneState

BEHAVIOUR = "behaviour"


class Moves:
    """Writes changes into one outcome.

    ``now`` is, in all methods, the append time (ms) by which a change counts as live.
    """

    def __init__(self, state: LaneState, policy: Policy, outcome: Outcome) -> None:
        self._ledger = state.ledger
        self._policy = policy
        self._shop = policy.shop
        self._outcome = outcome

    def settle(self, customer: Customer, before: Facts | None, cause: Cause, trigger: Trigger | None, now: int) -> None:
        """Put the customer where the rules say at its ``as_of``. ``before`` are the facts without what happened."""
        definitions = self._policy.definitions
        after = facts(customer, customer.as_of, definitions, self._shop)
        shifts = settle(customer, customer.as_of, definitions, self._shop, before, after)
        if not shifts:
            return
        features = {name: value for name, value in after.values.items() if value == value}
        moves = next_moves(customer, [shift.segmentation for shift in shifts], definitions, self._shop)
        for shift in shifts:
            kind, move = definitions.kinds[shift.segmentation], moves.get(shift.segmentation)
            self._emit(customer, shift.at, shift, cause, trigger, now, kind, definitions.version, None, move, features)

    def _emit(
        self,
        customer: Customer,
        at: int,
        shift: Shift,
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
        sizes = ledger.sizes.setdefault(shift.segmentation, {})
        if shift.before is not None:
            bump(sizes, shift.before, -1)
        if shift.after is not None:
            bump(sizes, shift.after)
        bump(ledger.changes.setdefault(shift.segmentation, {}), cause)
        self._outcome.changes.append(
            Change(
                customer_id=customer.id,
                born=customer.born,
                seq=customer.seq,
                segmentation=shift.segmentation,
                before=shift.before,
                after=shift.after,
                cause=cause,
                automation_safe=cause in SAFE_CAUSES and abs(now - at) <= self._policy.live_window_ms,
                changed_at=at,
                trigger=trigger,
                kind=kind,
                version=version,
                confidence=confidence,
                next_move=next_move,
                reasons=shift.reasons,
                features=features,
            )
        )

    def night(self, customer: Customer, move: Move, at: int, now: int) -> None:
        """Take over a move that the clusters decided at the grid point ``at`` (ms).

        ``as_of`` stays: clusters come and go with the owner, and must not date what rules say of a late event.
        """
        customer.segments[BEHAVIOUR] = Membership(move.to_id, at)
        reasons = tuple(Reason(r.feature, r.before, r.after, None, r.share) for r in move.reasons)
        shift = Shift(BEHAVIOUR, move.from_id, move.to_id, reasons, at)
        self._emit(
            customer,
            at,
            shift,
            cast(Cause, move.cause),
            None,
            now,
            "clusters",
            move.version,
            move.confidence,
            None,
            move.features,
        )
