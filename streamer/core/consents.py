"""Consent: whether a customer is segmentable. Without it there is no behaviour memory, no statistics and no due."""

from __future__ import annotations

from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.profile import Consent
from models.rules.evaluate import facts
from schemas.events import ConsentUpdated
from streamer.core import panel, transitions
from streamer.core.context import Context
from streamer.core.decision import Trigger


def later(one: Consent | None, other: Consent | None) -> Consent | None:
    """Return the more recent of two consents; at the same instant, the one with the larger digest."""
    if one is None or other is None:
        return one or other
    return one if (one.at, one.by) > (other.at, other.by) else other


def take(context: Context, customer: Customer, event: ConsentUpdated, is_new: bool, trigger: Trigger, now: int) -> None:
    """Apply a consent event unless a later one is known. Segments are evaluated at the customer's ``as_of``."""
    profile, by = customer.edit_profile(), digest(event.event_id)
    known = profile.consent
    if known is not None and (known.at, known.by) > (event.occurred_at, by):
        return
    was_segmentable = customer.is_segmentable
    before = None
    if was_segmentable and not is_new:
        before = facts(customer, customer.as_of, context.definitions, context.shop)
    profile.consent = Consent(event.personalization, event.marketing, event.analytics, event.occurred_at, by)
    if not event.personalization:
        if was_segmentable:
            _withdraw(context, customer, trigger, now)
        return
    if not was_segmentable:
        profile.since = event.occurred_at
        _give_memory(context, customer, event.occurred_at)
    transitions.assign(context, customer, before, "consent", trigger, now)


def bring(context: Context, customer: Customer, allowed: bool, first_seen: int, trigger: Trigger, now: int) -> None:
    """Grant or withdraw segmentation after a merge changed the customer's consent."""
    if customer.is_segmentable and not allowed:
        _withdraw(context, customer, trigger, now)
    elif not customer.is_segmentable and allowed:
        _give_memory(context, customer, first_seen)


def _withdraw(context: Context, customer: Customer, trigger: Trigger, now: int) -> None:
    transitions.end_all(context, customer, "consent", trigger, now)
    customer.reset()
    context.cache.take_row(customer)
    panel.leave(context, customer.id)


def _give_memory(context: Context, customer: Customer, at: int) -> None:
    customer.first_seen = customer.last_seen = at
    row = context.cache.memory.new_row(context.grid.day_of(customer.as_of))
    context.cache.give_row(customer, row)
