"""The handler of each event type. A new event type gets its row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from models.customer.customer import Customer
from models.rules.evaluate import facts
from schemas.arrivals import OrderCompleted, OrderReversed
from schemas.changes import Cause
from schemas.errors import InvalidEvent
from schemas.events import (
    EVENT_TYPES,
    ConsentUpdated,
    CustomerErased,
    Event,
    FeedbackSubmitted,
    IdentityLinked,
    Interaction,
    MessageOutcome,
    ProfileUpdated,
    SubscriptionUpdated,
    Tracked,
    types_of,
)
from schemas.events import OrderCompleted as OrderCompletedModel
from schemas.events import OrderReversed as OrderReversedModel
from schemas.own_names import meant
from streamer.core import consents, erasure, identity, transitions
from streamer.core.admission import Admitted, Handler
from streamer.core.context import Context
from streamer.core.fold import (
    NOTHING_BOOKED,
    FoldContext,
    Folded,
    check_remembered,
    corrects,
    fold_correction,
    fold_interaction,
    fold_order,
    fold_reversal,
)
from streamer.core.profiles import fold_feedback, fold_outcome, fold_subscription, fold_tracked, fold_traits

_MOST_MONEY: Final = 2**62

Fold = Callable[[Customer, Any, Any, FoldContext], Folded]


def _folding(
    fold: Fold, own_cause: Cause = "event", *, is_interaction: bool = False, correct: Fold | None = None
) -> Callable[..., None]:
    """Fold an event into its customer, then assign segments; ``correct`` folds a correction.

    A late event is evaluated at the customer's ``as_of``: a customer never moves back in time.
    """

    def apply(context: Context, one: Admitted) -> None:
        customer, event = one.customer, one.event
        assert customer is not None
        context.decision.touched[customer.id] = context.active[customer.id] = customer
        customer.dedupe_window.add(one.digest)
        at, as_of = event.occurred_at, customer.as_of
        judged_at = at if at > as_of else as_of
        profile = customer.profile
        if not customer.is_segmentable or (profile is not None and profile.leaves_out(at)):
            # Without consent the event is counted but not stored.
            customer.as_of = judged_at
            return
        assigns = one.is_new or not is_interaction or context.assigns_on_interaction
        before = facts(customer, judged_at, context.definitions, context.shop) if assigns and not one.is_new else None
        folding = correct if one.is_correction and correct is not None else fold
        folded = folding(customer, event, one.prepared, context.folding)
        customer.see(at)
        customer.as_of = judged_at
        if folded is not NOTHING_BOOKED:
            ledger = context.ledger
            ledger.orders += folded.orders
            ledger.reversals += folded.reversals
            ledger.revenue_minor += folded.money
        if assigns:
            transitions.assign(
                context, customer, before, _cause(context, one, own_cause), one.trigger, one.record.timestamp
            )

    return apply


def _cause(context: Context, one: Admitted, own: Cause) -> Cause:
    if one.import_id is not None and context.policy.label_backfill:
        return "backfill"
    return "late" if one.is_late else own


def _consent(context: Context, one: Admitted) -> None:
    customer = one.customer
    assert customer is not None
    context.decision.touched[customer.id] = context.active[customer.id] = customer
    customer.dedupe_window.add(one.digest)
    customer.as_of = max(customer.as_of, one.event.occurred_at)
    consents.take(context, customer, one.event, one.is_new, one.trigger, one.record.timestamp)


def _link(context: Context, one: Admitted) -> None:
    customer = one.customer
    assert customer is not None
    customer.as_of = max(customer.as_of, one.event.occurred_at)
    identity.link(context, customer, one.event, one.trigger, one.import_id, one.record.timestamp)


def _erase(context: Context, one: Admitted) -> None:
    at, now = one.event.occurred_at, one.record.timestamp
    if one.customer is None:
        erasure.remember(context, one.event.customer_id, at, now)
    else:
        one.customer.as_of = max(one.customer.as_of, at)
        erasure.erase(context, one.customer, at, one.trigger, now)


def _money(context: Context, event: OrderCompleted | OrderReversed) -> int | None:
    """Return the minor units of an order or reversal.

    Raises
    ------
    InvalidEvent
        The currency has no rate, or the sum of all orders would exceed 64 bits.
    """
    if event.total is None:
        return None
    money = context.policy.rates.minor(event.total, event.currency)
    customer = context.cache.get(event.customer_id)
    if event.type == "order.updated" and customer is not None:
        check_remembered(customer, cast(OrderCompleted, event))
    if abs(context.ledger.revenue_minor + money) > _MOST_MONEY or (
        customer is not None and abs(customer.statistics.spend + money) > _MOST_MONEY
    ):
        raise InvalidEvent("invalid_field", "total: the sum of all orders would exceed 64 bits", "total")
    return money


def _own_name(context: Context, event: Tracked) -> None:
    """Raise InvalidEvent for a custom name that looks like a misspelt built-in type."""
    type = event.name if event.name in EVENT_TYPES else meant(event.name)
    if type is not None:
        text = f"name: {event.name!r} is too near to a type of ours; did you mean {type}?"
        raise InvalidEvent("unknown_type", text, "name")


def _corrects(context: Context, customer: Customer, name: bytes, one: Any, money: int | None, imported: bool) -> bool:
    return corrects(customer, name, one, money, context.policy.rates, imported=imported)


_BY_MODEL: Final[Mapping[type[Event], Handler]] = {
    OrderCompletedModel: Handler(_folding(fold_order, correct=fold_correction), _money, corrects=_corrects),
    OrderReversedModel: Handler(_folding(fold_reversal), _money),
    Interaction: Handler(_folding(fold_interaction, is_interaction=True)),
    Tracked: Handler(_folding(fold_tracked), _own_name),
    ProfileUpdated: Handler(_folding(fold_traits, "profile")),
    FeedbackSubmitted: Handler(_folding(fold_feedback)),
    SubscriptionUpdated: Handler(_folding(fold_subscription)),
    MessageOutcome: Handler(_folding(fold_outcome)),
    ConsentUpdated: Handler(_consent),
    IdentityLinked: Handler(_link, identity.check_link, identity.repeat_link, subject="anonymous_id"),
    CustomerErased: Handler(_erase, of_alias=erasure.erase_alias, creates=False, dedupes=False),
}
HANDLERS: Final[Mapping[str, Handler]] = {
    type: handler for model, handler in _BY_MODEL.items() for type in types_of(model)
}
"""Handlers by event ``type``; a test checks that every type of the contract has one."""
