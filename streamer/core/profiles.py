"""Fold events about a person rather than a purchase: traits, feedback, subscriptions, message outcomes."""

from __future__ import annotations

from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.profile import Subscription
from schemas.events import FeedbackSubmitted, MessageOutcome, ProfileUpdated, SubscriptionUpdated, Tracked
from streamer.core.fold import NOTHING_BOOKED, FoldContext, Folded


def fold_tracked(customer: Customer, event: Tracked, money: None, context: FoldContext) -> Folded:
    """Count a custom event."""
    customer.edit_profile().track(context.tracked_as(event.name), event.occurred_at)
    return NOTHING_BOOKED


def fold_traits(customer: Customer, event: ProfileUpdated, money: None, context: FoldContext) -> Folded:
    """Fold traits, field by field."""
    customer.edit_profile().merge_traits(event.traits, event.occurred_at, digest(event.event_id))
    return NOTHING_BOOKED


def fold_feedback(customer: Customer, event: FeedbackSubmitted, money: None, context: FoldContext) -> Folded:
    """Fold a review, a score or a complaint."""
    profile = customer.edit_profile()
    profile.rate(event.kind, event.rating, customer.weigh(event.occurred_at, context.shop.half_life))
    return NOTHING_BOOKED


def fold_subscription(customer: Customer, event: SubscriptionUpdated, money: None, context: FoldContext) -> Folded:
    """Fold a subscription to, or an unsubscription from, a message list."""
    latest = Subscription(event.subscribed, event.occurred_at, digest(event.event_id))
    customer.edit_profile().subscribe(event.list, latest)
    return NOTHING_BOOKED


def fold_outcome(customer: Customer, event: MessageOutcome, money: None, context: FoldContext) -> Folded:
    """Fold the outcome of a message."""
    profile = customer.edit_profile()
    profile.count_outcome(event.outcome, customer.weigh(event.occurred_at, context.shop.half_life))
    return NOTHING_BOOKED
