"""What the model owner hears of a lane: the memories of the panel's customers, day by day."""

from __future__ import annotations

from collections.abc import Iterable

from models.behaviour.panel import PanelRow, panel_rank, shift_for
from models.customer.customer import Customer
from streamer.core.decision import Decision
from streamer.core.policy import Policy
from streamer.core.state import LaneState


class Panel:
    """Writes panel rows into one outcome.

    A row says what its customer did on the day that is still open, and each row replaces the one before: so all who did
    something are told of before the next night, however many days of an import one transaction holds.
    """

    def __init__(self, state: LaneState, policy: Policy, decision: Decision) -> None:
        self._state = state
        self._policy = policy
        self._decision = decision

    def leave(self, id: str) -> None:
        """Let the model owner forget a customer."""
        self._decision.panel.append(PanelRow(id, 0, b""))

    def tell(self, customers: Iterable[Customer]) -> None:
        """Add a row for each of the given customers who is of the panel: one in 2**shift."""
        decision, memory = self._decision, self._state.cache.memory
        decision.thin_panel(shift_for(self._state.ledger.customers * self._policy.lanes, self._policy.panel_target))
        for customer in customers:
            if not customer.is_segmentable:
                continue
            if customer.panel_rank < 0:
                customer.panel_rank = panel_rank(customer.id)
            if customer.panel_rank >= decision.panel_shift:
                decision.panel.append(PanelRow(customer.id, memory.day_of(customer.row), memory.dump(customer.row)))
