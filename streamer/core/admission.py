"""Admission: decides whether to apply an event, by time bounds, aliases, duplicates and erased customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.features.time import DAY_MS
from models.messages.count import Count
from schemas.arrivals import Arrival
from schemas.errors import InvalidEvent
from schemas.events import Event
from schemas.ids import is_nobody
from schemas.records import LogRecord
from schemas.wire_time import EARLIEST_MS
from streamer.core import erasure, guests, identity, timers
from streamer.core.context import Context
from streamer.core.decision import Trigger, trigger_of
from streamer.core.decode import DecodedRecord
from streamer.core.fold import is_duplicate
from streamer.core.policy import Policy

PLACEHOLDER: Final = "customer_id is a placeholder that stands for no customer"
MISSING: Final = "no customer_id: the order is a guest's; an e-mail address may be an id"


class Admitted(msgspec.Struct, gc=False):
    """An event to apply, with its customer.

    Attributes
    ----------
    customer
        The event's customer, with time already applied. None only for event types that create no customer.
    digest
        Digest of the event's id, for the dedupe window.
    prepared
        Return value of `Handler.prepare`.
    is_new, is_late
        Whether this event created the customer, and whether it happened before the customer's ``as_of``.
    """

    event: Any
    record: LogRecord
    customer: Customer | None
    digest: bytes
    import_id: str | None
    prepared: int | None
    is_new: bool
    is_late: bool
    is_correction: bool = False

    @property
    def trigger(self) -> Trigger:
        """Return the record as the trigger of a change."""
        return trigger_of(self.event.event_id, self.event.type, self.record)


@dataclass(frozen=True, slots=True)
class Handler:
    """The functions and options that admit and apply events of one type.

    Attributes
    ----------
    apply
        Applies an admitted event.
    prepare
        Validates an event before any state changes; may return a number computed from it. Raises InvalidEvent.
    of_alias
        Called instead of ``apply`` if the customer is an alias.
    subject
        The field with the customer's id.
    corrects
        Whether an apparent duplicate carries new content.
    creates, dedupes
        Whether the event creates an unknown customer; whether to check it against the dedupe window.
    """

    apply: Callable[[Context, Admitted], None]
    prepare: Callable[[Context, Any], int | None] | None = None
    of_alias: Callable[[Context, DecodedRecord, Customer], None] = identity.forward
    subject: str = "customer_id"
    corrects: Callable[[Context, Customer, bytes, Any, int | None, bool], bool] | None = None
    creates: bool = True
    dedupes: bool = True


def admit(context: Context, decoded: DecodedRecord, event: Arrival | Event, handler: Handler) -> Admitted | None:
    """Return the event with its customer, or None if it is a duplicate or was forwarded to another lane.

    Raises
    ------
    InvalidEvent
        The event is rejected.
    """
    record, ledger, at, import_id = decoded.record, context.ledger, event.occurred_at, decoded.import_id
    if at < EARLIEST_MS or not -context.policy.horizon_ms <= at - record.timestamp <= context.policy.early_ms:
        check_time(at, record.timestamp, context.policy, import_id)
    prepared = None if handler.prepare is None else handler.prepare(context, event)
    id: str = getattr(event, handler.subject)
    customer = context.cache.customers.get(id)
    if decoded.alias is not None and _is_returned(context, decoded, handler, customer):
        return None
    clock_id = import_id if import_id in ledger.imports else None
    if customer is None:
        return _admit_unknown(context, decoded, event, handler, id, clock_id, prepared)
    name, profile = digest(event.event_id), customer.profile
    if profile is not None and profile.alias is not None:
        handler.of_alias(context, decoded, customer)
        return None
    is_correction = False
    if handler.dedupes and is_duplicate(customer, name, event):
        is_correction = _corrects(context, decoded, handler, customer, name, prepared)
        if not is_correction:
            ledger.duplicates += 1
            return None
    if profile is not None and profile.was_erased(at):
        ledger.duplicates += 1
        return None
    timers.pass_time_to(context, customer, at, clock_id, record.timestamp)
    ledger.applied += 1
    is_late = at < customer.as_of
    ledger.late += is_late
    return Admitted(event, record, customer, name, import_id, prepared, False, is_late, is_correction)


def _is_returned(context: Context, decoded: DecodedRecord, handler: Handler, customer: Customer | None) -> bool:
    """Return whether an event forwarded from an alias was sent back because this customer does not have that alias."""
    return handler.creates and identity.return_stray(context, decoded, customer)


def _corrects(
    context: Context, decoded: DecodedRecord, handler: Handler, customer: Customer, name: bytes, prepared: int | None
) -> bool:
    """Return whether an apparent duplicate carries new content."""
    if handler.corrects is None:
        return False
    return handler.corrects(context, customer, name, decoded.event, prepared, decoded.import_id is not None)


def _admit_unknown(
    context: Context,
    decoded: DecodedRecord,
    event: Arrival | Event,
    handler: Handler,
    id: str,
    clock_id: str | None,
    prepared: int | None,
) -> Admitted | None:
    """Return the admission of an event whose id has no state; see `admit`."""
    record = decoded.record
    if handler.creates and (not id or is_nobody(id, context.policy.nobody)):
        guests.count(context.ledger, event, context.policy.rates.base)
        raise InvalidEvent("nobody", PLACEHOLDER if id else MISSING, "customer_id")
    erased = erasure.since(context, id, record.timestamp)
    if erased is not None and event.occurred_at <= erased:
        context.ledger.duplicates += 1
        return None
    customer = context.create(id, record, event.occurred_at, clock_id, erased) if handler.creates else None
    context.ledger.applied += 1
    return Admitted(
        event, record, customer, digest(event.event_id), decoded.import_id, prepared, customer is not None, False
    )


def check_time(at: int, appended: int, policy: Policy, import_id: str | None) -> None:
    """Raise InvalidEvent for an event outside the time bounds; imports may bring events back to 1990.

    Parameters
    ----------
    at, appended
        Event time and append time of its record, ms.
    """
    if at > appended + policy.early_ms:
        raise InvalidEvent("too_early", "occurred_at is in the future", "occurred_at")
    if import_id is not None:
        if at < EARLIEST_MS:
            # `streamer import` rejects such a row, so another client wrote it.
            raise InvalidEvent("too_late", "occurred_at is before 1990, the earliest year for imports", "occurred_at")
    elif at < EARLIEST_MS:
        raise InvalidEvent("bad_date", "occurred_at is before 1990", "occurred_at")
    elif at < appended - policy.horizon_ms:
        days = policy.horizon_ms // DAY_MS
        raise InvalidEvent("too_late", f"occurred_at is older than {Count(days):|day}", "occurred_at")
