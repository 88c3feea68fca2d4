"""Erasing a customer: for a limited time the lane keeps a salted hash of the id and nothing else.

An older record that arrives after the erase (a retry, a slow producer) must not recreate the customer. So for 30 days
the lane remembers who was erased and when, by a hash that only this lane can compute; events up to then count as
``duplicates``. Later events create a new customer, whose changes start again at ``seq`` 1 with different ids.
"""

from __future__ import annotations

from hashlib import blake2b

from models.customer.customer import Customer
from schemas.events import CustomerErased
from schemas.partition import partition_for
from streamer.core import panel, transitions
from streamer.core.context import Context
from streamer.core.decision import Erased, Rerouted, Trigger
from streamer.core.decode import DecodedRecord

KEPT_MS = 30 * 86_400_000
"""Time for which a lane remembers an erase, by append time, ms."""


def hash_of(id: str, salt: str) -> str:
    """Return the hash of an erased id; ``salt`` is the lane's own secret."""
    return blake2b(id.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def since(context: Context, id: str, now: int) -> int | None:
    """Return the instant (ms) up to which a customer was erased; None if the lane remembers no erase at ``now``."""
    erased = context.state.erased
    if not erased:
        return None
    found = erased.get(hash_of(id, context.ledger.lane))
    return found.at if found is not None and now - found.appended <= KEPT_MS else None


def erase(context: Context, customer: Customer, at: int, trigger: Trigger, now: int) -> None:
    """End a customer's memberships and drop its state and its other ids. The caller has applied time to it."""
    until = max(at, customer.last_seen)
    transitions.end_all(context, customer, "erase", trigger, now)
    remember(context, customer.id, until, now)
    drop(context, customer)
    context.ledger.customers -= 1
    context.active.pop(customer.id, None)
    for alias in customer.profile.aliases if customer.profile is not None else ():
        follow(context, alias, until, trigger.event_id)


def erase_alias(context: Context, decoded: DecodedRecord, customer: Customer) -> None:
    """Erase an id that was joined to a customer, and the customer with it: erasure covers all ids of a person."""
    event, now = decoded.event, decoded.record.timestamp
    assert event is not None and customer.profile is not None and customer.profile.alias is not None
    at, erased = event.occurred_at, since(context, customer.id, now)
    if erased is not None and at <= erased:
        context.ledger.duplicates += 1
        return
    context.ledger.applied += 1
    remember(context, customer.id, at, now)
    drop(context, customer)
    follow(context, customer.profile.alias, at, event.event_id)


def follow(context: Context, id: str, at: int, event_id: str) -> None:
    """Erase another id of an erased customer by sending a record to that id's lane."""
    event = CustomerErased(event_id=event_id, type="customer.erased", customer_id=id, occurred_at=at)
    value = event.model_dump_json(exclude_none=True).encode()
    lane = partition_for(id.encode(), context.policy.lanes)
    context.decision.rerouted.append(Rerouted(lane, id.encode(), value, ()))


def drop(context: Context, customer: Customer) -> None:
    """Drop a customer's state from memory and from every store."""
    if customer.is_segmentable:
        panel.leave(context, customer.id)
    context.cache.evict(customer.id)
    context.decision.erase(customer.id)


def remember(context: Context, id: str, at: int, now: int) -> None:
    """Remember an erase of everything up to ``at`` (ms)."""
    known = since(context, id, now)
    name = hash_of(id, context.ledger.lane)
    mark = Erased(at if known is None else max(at, known), now)
    context.decision.marks[name] = context.state.erased[name] = mark


def forget_the_oldest(context: Context) -> None:
    """Drop erases past their retention."""
    erased, ledger = context.state.erased, context.ledger
    now = max(ledger.appended, ledger.clock)
    for name in [name for name, one in erased.items() if now - one.appended > KEPT_MS]:
        del erased[name]
        context.decision.marks[name] = None
