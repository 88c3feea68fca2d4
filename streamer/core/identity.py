"""Joining two ids of one person: ``identity.linked`` in the anonymous id's lane, ``control.merge`` in the known id's.

The lane of the anonymous id ends its memberships, replaces its state with an alias, and writes the statistics as a
control record to the lane of the known id, all in one transaction. It forwards later records of the old id under
the new one. If the other lane cannot accept a merge, it sends the merge back and the alias is removed.
"""

from __future__ import annotations

from models.customer import handover_checks, merging
from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.merging import Handover
from models.customer.profile import Profile
from models.rules.evaluate import facts
from schemas.control import ALIAS_HEADER, REROUTED_HEADER, ControlMerge, control_headers, encode_control
from schemas.errors import InvalidEvent
from schemas.events import IdentityLinked
from schemas.ids import is_nobody
from schemas.partition import partition_for
from schemas.records import LogRecord
from schemas.signing import Seal
from streamer.core import consents, erasure, timers, transitions
from streamer.core.context import Context
from streamer.core.decision import Rerouted, Trigger, trigger_of
from streamer.core.decode import DecodedRecord

# -- the lane of the old id -----------------------------------------------------------------------------------


def check_link(context: Context, event: IdentityLinked) -> None:
    """Raise InvalidEvent for a link that is not allowed."""
    old, new = event.anonymous_id, event.customer_id
    if old == new:
        raise InvalidEvent("invalid_field", "an id cannot be merged with itself", "anonymous_id")
    for name, id in (("anonymous_id", old), ("customer_id", new)):
        if is_nobody(id, context.policy.nobody):
            raise InvalidEvent("invalid_field", f"{name} is a placeholder, not a customer", name)
    customer = context.cache.get(old)
    profile = None if customer is None else customer.profile
    if profile is None:
        return
    if profile.alias is not None and profile.alias != new:
        raise InvalidEvent("invalid_field", "the id is already merged into another customer", "anonymous_id")
    if new in profile.aliases:
        raise InvalidEvent("invalid_field", "the customer is already merged into this id", "customer_id")
    if profile.aliases and not context.policy.merge_known:
        raise InvalidEvent(
            "invalid_field", "both ids are known customers; set STREAMER_MERGE_KNOWN=true to merge them", "anonymous_id"
        )


def repeat_link(context: Context, decoded: DecodedRecord, customer: Customer) -> None:
    """Count a repeated link to the same customer as a duplicate."""
    context.ledger.duplicates += 1


def link(
    context: Context, customer: Customer, event: IdentityLinked, trigger: Trigger, import_id: str | None, now: int
) -> None:
    """Hand a customer over to the other id. The caller has applied time to it."""
    memory = context.cache.memory
    behaviour = memory.dump(customer.row) if customer.is_segmentable else None
    statistics, ids, orders = merging.hand_over(customer, behaviour, event.event_id, event.occurred_at, import_id)
    transitions.end_all(context, customer, "merge", trigger, now)
    erasure.drop(context, customer)
    context.ledger.customers -= 1
    context.active.pop(customer.id, None)
    alias = Customer(customer.id, (0, 0), 0)
    alias.edit_profile().alias = event.customer_id
    context.cache.load(alias, -1)
    context.decision.touched[alias.id] = alias
    _send(context, customer.id, event.customer_id, statistics, ids, orders)


def _send(context: Context, old: str, new: str, statistics: object, ids: object, orders: object) -> None:
    control = ControlMerge.model_validate(
        {"from": old, "to": new, "statistics": statistics, "event_ids": tuple(ids), "orders": tuple(orders)}  # type: ignore[arg-type]
    )
    value = encode_control(control)
    lane = partition_for(new.encode(), context.policy.lanes)
    # A record causes at most one merge, so its offset can number this lane's merges.
    seal = Seal(f"lane-{context.ledger.partition}", context.ledger.next_offset - 1)
    context.decision.rerouted.append(Rerouted(lane, None, value, control_headers(value), seal))


# -- records of an alias --------------------------------------------------------------------------------------


def forward(context: Context, decoded: DecodedRecord, customer: Customer) -> None:
    """Forward a record of an old id under the new one."""
    event, profile = decoded.event, customer.profile
    assert event is not None and profile is not None and profile.alias is not None
    old = decoded.alias or event.customer_id
    _reroute(context, decoded.record, profile.alias, [(ALIAS_HEADER, old.encode())])


def return_stray(context: Context, decoded: DecodedRecord, customer: Customer | None) -> bool:
    """Send a record forwarded from an alias back to its own lane if the customer does not have that alias."""
    if decoded.alias is None:
        return False
    if customer is not None:
        knows = customer.profile is not None and decoded.alias in customer.profile.aliases
        if knows or customer.is_alias:
            return False
    # Without this header, a resumed import would count the record as a separate event.
    came_from = (REROUTED_HEADER, str(decoded.record.partition).encode())
    _reroute(context, decoded.record, decoded.alias, [came_from])
    return True


def _reroute(context: Context, record: LogRecord, key: str, more: list[tuple[str, bytes]]) -> None:
    headers = [header for header in record.headers if header[0] not in (REROUTED_HEADER, ALIAS_HEADER)]
    lane = partition_for(key.encode(), context.policy.lanes)
    context.ledger.rerouted += 1
    context.decision.rerouted.append(Rerouted(lane, key.encode(), record.value, [*headers, *more]))


# -- the lane of the new id -----------------------------------------------------------------------------------


def merge(context: Context, control: ControlMerge, record: LogRecord) -> None:
    """Apply what another id handed over: at most one change per segmentation, cause ``merge``."""
    try:
        handover = merging.read(control.statistics, list(control.orders))
        handover_checks.check(handover, record.timestamp + context.policy.early_ms)
        held = context.cache.get(control.to_id)
        if held is not None and abs(held.statistics.spend + handover.statistics.spend) > handover_checks.MOST:
            raise ValueError("money would exceed 64 bits")
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidEvent("bad_control", "the statistics cannot be read", "statistics") from None
    customer = context.cache.get(control.to_id)
    if customer is not None and customer.is_alias:
        if _passed_on(context, control, customer):
            return
        erasure.drop(context, customer)
        customer = None
    if customer is None:
        _merge_into_new(context, control, handover, record)
    else:
        _merge_into_known(context, control, handover, record, customer)
    customer = context.cache.get(control.to_id)
    if customer is not None:
        context.active[customer.id] = customer


def _passed_on(context: Context, control: ControlMerge, customer: Customer) -> bool:
    """Forward a merge if its target is itself an alias.

    Not if the merge replaces that alias: the merge was sent back, or two ids were joined to each other at the same
    time, where the smaller id wins.
    """
    old, new = control.from_id, control.to_id
    assert customer.profile is not None and customer.profile.alias is not None
    target = customer.profile.alias
    if old == new or (target == old and new < old):
        return False
    _send(context, old, target, control.statistics, control.event_ids, control.orders)
    return True


def _merge_into_new(context: Context, control: ControlMerge, handover: Handover, record: LogRecord) -> None:
    new = control.to_id
    erased = erasure.since(context, new, record.timestamp)
    if erased is not None and handover.at <= erased:
        erasure.follow(context, control.from_id, erased, f"erase-{record.partition}-{record.offset}")
        return
    at = max(handover.at, handover.last_seen)
    customer = context.create(new, record, at, context.clock_id(handover.import_id), erased)
    _absorb(context, control, handover, record, customer, is_new=True)


def _merge_into_known(
    context: Context, control: ControlMerge, handover: Handover, record: LogRecord, customer: Customer
) -> None:
    old, aliases = control.from_id, customer.edit_profile().aliases
    if old in aliases:
        return
    more = 1 + (len(handover.profile.aliases) if handover.profile is not None else 0)
    if len(aliases) + more > context.policy.merge_limit and old != control.to_id:
        _send(context, old, old, control.statistics, control.event_ids, control.orders)
        return
    at = max(handover.at, handover.last_seen)
    timers.pass_time_to(context, customer, at, context.clock_id(handover.import_id), record.timestamp)
    _absorb(context, control, handover, record, customer, is_new=False)


def _absorb(
    context: Context,
    control: ControlMerge,
    handover: Handover,
    record: LogRecord,
    customer: Customer,
    *,
    is_new: bool,
) -> None:
    """Add the handed-over state to a customer and assign segments. The caller has applied time to it."""
    now, at = record.timestamp, max(customer.as_of, handover.at, handover.last_seen)
    before = None
    if customer.is_segmentable and not is_new:
        before = facts(customer, at, context.definitions, context.shop)
    customer.as_of = at
    context.decision.touched[customer.id] = customer
    trigger = trigger_of(handover.event_id, "identity.linked", record)
    _join(context, customer, control.from_id, handover, trigger, now)
    merging.take_events(customer, [*control.event_ids, int.from_bytes(digest(handover.event_id), "big")])
    if customer.is_segmentable:
        transitions.assign(context, customer, before, "merge", trigger, now)


def _join(context: Context, customer: Customer, old: str, handover: Handover, trigger: Trigger, now: int) -> None:
    """Join aliases and consent, and everything else if consent allows it."""
    profile, other = customer.edit_profile(), handover.profile or Profile()
    if old != customer.id:
        profile.aliases = sorted({*profile.aliases, old, *other.aliases} - {customer.id})
    profile.consent = consents.later(profile.consent, other.consent)
    since = [at for at in (profile.since, other.since) if at is not None]
    profile.since = max(since) if since else None
    allowed = context.policy.consent_default if profile.consent is None else profile.consent.personalization
    consents.bring(context, customer, allowed, handover.first_seen, trigger, now)
    if allowed:
        merging.take_over(customer, profile, handover, context.shop.half_life)
        if handover.behaviour is not None:
            context.cache.memory.merge(customer.row, handover.behaviour)
