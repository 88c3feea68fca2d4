"""Erasing a customer: nothing is kept of it but a salted hash of its id, for a while, so that nothing comes back.

An older record that arrives after the erase (a retry, a slow producer) must not bring the customer back to life. So for
30 days the lane knows, by a hash that only this lane can make, who was erased and when; what happened until then is a
``duplicate``. What happens later makes a new customer, whose changes begin at ``seq`` 1 with other ids.
"""

from __future__ import annotations

from hashlib import blake2b

from models.customer.customer import Customer
from schemas.events import CustomerErased
from schemas.partition import partition_for
from streamer.core.decision import Decision, Erased, Rerouted, Trigger
from streamer.core.panel import Panel
from streamer.core.state import LaneState
from streamer.core.transitions import Transitions

KEPT_MS = 30 * 86_400_000
"""How long an erase is remembered, by append time."""


def hash_of(id: str, salt: str) -> str:
    """What stands for an erased id; ``salt`` is the lane's own secret number."""
    return blake2b(id.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


class Erasure:
    """Erases, and remembers whom."""

    def __init__(self, state: LaneState, decision: Decision, moves: Transitions, panel: Panel) -> None:
        self._erased = state.erased
        self._ledger = state.ledger
        self._cache = state.cache
        self._decision = decision
        self._transitions = moves
        self._panel = panel

    def since(self, id: str, now: int) -> int | None:
        """The instant (ms) up to which everything of a customer was erased; None where nothing is remembered at ``now``."""
        if not self._erased:
            return None
        found = self._erased.get(hash_of(id, self._ledger.lane))
        return found.at if found is not None and now - found.appended <= KEPT_MS else None

    def erase(self, customer: Customer, at: int, trigger: Trigger, now: int) -> None:
        """End the memberships of a resident customer and drop its state; time was applied to it before."""
        self._transitions.end_all(customer, "erase", trigger, now)
        self.remember(customer.id, max(at, customer.last_seen), now)
        self.drop(customer)

    def follow(self, id: str, at: int, event_id: str, lanes: int) -> Rerouted:
        """The record that erases another id of an erased customer, in that id's lane."""
        event = CustomerErased(event_id=event_id, type="customer.erased", customer_id=id, occurred_at=at)
        value = event.model_dump_json(exclude_none=True).encode()
        return Rerouted(partition_for(id.encode(), lanes), id.encode(), value, ())

    def drop(self, customer: Customer) -> None:
        """Drop a state, in memory and wherever it is written."""
        if customer.is_segmentable:
            self._panel.leave(customer.id)
        self._cache.evict(customer.id)
        self._decision.erase(customer.id)

    def remember(self, id: str, at: int, now: int) -> None:
        """Remember an erase of everything up to ``at`` (ms)."""
        known = self.since(id, now)
        name = hash_of(id, self._ledger.lane)
        self._decision.marks[name] = self._erased[name] = Erased(at if known is None else max(at, known), now)

    def forget_the_oldest(self) -> None:
        """Drop what was remembered long enough."""
        now = max(self._ledger.appended, self._ledger.clock)
        for name in [name for name, one in self._erased.items() if now - one.appended > KEPT_MS]:
            del self._erased[name]
            self._decision.marks[name] = None
