"""Erases are remembered for a while, so that nothing that is older and read later brings a record back.

Changes and events are two topics with a partition for each lane, and act reads them in any order. The lane of a customer
erases the ids that were joined to it by a record in the lane of each; a change of such an id, or an event that was
written on under the customer's id, may be read after that record. What stays is a hash of the id, salted with a number
that only act's ledger holds.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from schemas.changes import ReceivedChange
from streamer.act.heart.state import Erased, Outcome, State

_LATE_MS: Final = 86_400_000
KEPT_MS: Final = 30 * 86_400_000
"""How long an erase is remembered, by append time."""


def remember(customer: str, at: int, appended: int, state: State, outcome: Outcome) -> None:
    """Remember an erase of everything up to ``at``, whose record was appended at ``appended`` (both ms)."""
    name = _hash(customer, state)
    known = state.erased.pop(name, None)
    state.erased[name] = (
        Erased(at, appended) if known is None else Erased(max(at, known.at), max(appended, known.appended))
    )
    outcome.erased.add(name)
    _drop_the_oldest(appended, state, outcome)


def is_erased(customer: str, at: int, state: State) -> bool:
    """Whether what a customer did at ``at`` (ms) was erased."""
    found = _found(customer, state)
    return found is not None and at <= found.at


def is_erased_change(change: ReceivedChange, state: State) -> bool:
    """Whether the customer of a change was erased after it.

    A change by time alone may be later than all that the customer did, so the append time of the erase counts too; not
    where the two lie far apart, as they do where events of long ago are read as if they were of now.
    """
    found = _found(change.customer_id, state)
    return found is not None and change.changed_ms <= max(found.at, min(found.appended, found.at + _LATE_MS))


def _found(customer: str, state: State) -> Erased | None:
    return state.erased.get(_hash(customer, state)) if state.erased else None


def _hash(customer: str, state: State) -> str:
    return blake2b(customer.encode(), key=state.ledger.salt.encode()[:64], digest_size=16).hexdigest()


def _drop_the_oldest(now: int, state: State, outcome: Outcome) -> None:
    """Drop erases that were remembered long enough; the first ones are the oldest."""
    while now - state.erased[name := next(iter(state.erased))].appended > KEPT_MS:
        del state.erased[name]
        outcome.erased.add(name)
