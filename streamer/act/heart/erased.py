"""Remember erases for a while, so that older records read later do not recreate a person.

Changes and events are two topics with a partition per lane, and act reads them in any order. The customer's lane erases
each joined id by a record in that id's lane. A change of such an id, or an event that was forwarded under the
customer's id, may be read after that record. Only a hash of the id is stored, salted with a number that is only in
act's ledger.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from schemas.changes import ReceivedChange
from streamer.act.heart.state import Erased, Outcome, State

_LATE_MS: Final = 86_400_000
KEPT_MS: Final = 30 * 86_400_000
"""Time (ms) for which an erase is remembered, by append time."""


def remember(customer: str, at: int, appended: int, state: State, outcome: Outcome) -> None:
    """Remember an erase of everything up to ``at``, from a record appended at ``appended`` (both epoch ms)."""
    name = _hash(customer, state)
    known = state.erased.pop(name, None)
    state.erased[name] = (
        Erased(at, appended) if known is None else Erased(max(at, known.at), max(appended, known.appended))
    )
    outcome.erased.add(name)
    _drop_the_oldest(appended, state, outcome)


def is_erased(customer: str, at: int, state: State) -> bool:
    """Return whether a customer's action at ``at`` (ms) was erased."""
    found = _found(customer, state)
    return found is not None and at <= found.at


def is_erased_change(change: ReceivedChange, state: State) -> bool:
    """Return whether a change's customer was erased after it.

    A change caused by time may be later than everything the customer did, so the erase's append time counts too, unless
    the two are far apart, as when old events are replayed as if they were new.
    """
    found = _found(change.customer_id, state)
    return found is not None and change.changed_ms <= max(found.at, min(found.appended, found.at + _LATE_MS))


def _found(customer: str, state: State) -> Erased | None:
    return state.erased.get(_hash(customer, state)) if state.erased else None


def _hash(customer: str, state: State) -> str:
    return blake2b(customer.encode(), key=state.ledger.salt.encode()[:64], digest_size=16).hexdigest()


def _drop_the_oldest(now: int, state: State, outcome: Outcome) -> None:
    """Drop erases past their retention. The first ones are the oldest."""
    while now - state.erased[name := next(iter(state.erased))].appended > KEPT_MS:
        del state.erased[name]
        outcome.erased.add(name)
