"""Events about a person rather than about purchases: profile, consent, feedback, outcomes of messages."""

from __future__ import annotations

from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.profile import Consent, Profile, Subscription
from models.features.features import FeatureContext
from models.rules.evaluate import facts
from schemas.events import ConsentUpdated, FeedbackSubmitted, MessageOutcome, ProfileUpdated, SubscriptionUpdated
from streamer.core.decision import Trigger
from streamer.core.panel import Panel
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.core.transitions import Transitions


def profile_of(customer: Customer) -> Profile:
    """What is known about a customer, to be changed."""
    profile = customer.profile
    if profile is None:
        profile = customer.profile = Profile()
    customer.profile_dirty = True
    return profile


def fold_profile(customer: Customer, event: object, shop: FeatureContext) -> None:
    """Fold a profile, a feedback, a subscription, or the outcome of a message."""
    profile = profile_of(customer)
    if isinstance(event, ProfileUpdated):
        profile.merge_traits(event.traits, event.occurred_at, digest(event.event_id))
    elif isinstance(event, FeedbackSubmitted):
        profile.rate(event.kind, event.rating, customer.weigh(event.occurred_at, shop.half_life))
    elif isinstance(event, SubscriptionUpdated):
        said = Subscription(event.subscribed, event.occurred_at, digest(event.event_id))
        profile.subscribe(event.list, said)
    else:
        assert isinstance(event, MessageOutcome)
        profile.heard(event.outcome, customer.weigh(event.occurred_at, shop.half_life))


def later_consent(one: Consent | None, other: Consent | None) -> Consent | None:
    """What was said last; of the same instant the larger digest counts."""
    if one is None or other is None:
        return one or other
    return one if (one.at, one.by) > (other.at, other.by) else other


class Consents:
    """Who may be put into segments. Who may not has no behaviour memory, no statistics and no dues."""

    def __init__(self, state: LaneState, policy: Policy, moves: Transitions, panel: Panel) -> None:
        self._cache = state.cache
        self._policy = policy
        self._transitions = moves
        self._panel = panel

    def take(self, customer: Customer, event: ConsentUpdated, born: bool, trigger: Trigger, now: int) -> None:
        """Apply what a customer allows, unless something later is known; ``as_of`` is where it is judged."""
        profile, by = profile_of(customer), digest(event.event_id)
        known = profile.consent
        if known is not None and (known.at, known.by) > (event.occurred_at, by):
            return
        held = customer.is_segmentable
        before = (
            None
            if born or not held
            else facts(customer, customer.as_of, self._transitions.definitions, self._policy.shop)
        )
        profile.consent = Consent(event.personalization, event.marketing, event.analytics, event.occurred_at, by)
        if not event.personalization:
            if held:
                self._withdraw(customer, trigger, now)
            return
        if not held:
            self._begin_anew(customer, event.occurred_at)
        self._transitions.assign(customer, before, "consent", trigger, now)

    def bring(self, customer: Customer, allowed: bool, first_seen: int, trigger: Trigger, now: int) -> None:
        """Begin or end what a customer's consent allows, after a merge changed it."""
        if customer.is_segmentable and not allowed:
            self._withdraw(customer, trigger, now)
        elif not customer.is_segmentable and allowed:
            self._give_memory(customer, first_seen)

    def _withdraw(self, customer: Customer, trigger: Trigger, now: int) -> None:
        self._transitions.end_all(customer, "consent", trigger, now)
        customer.reset()
        self._cache.take_row(customer)
        self._panel.leave(customer.id)

    def _begin_anew(self, customer: Customer, at: int) -> None:
        profile_of(customer).since = at
        self._give_memory(customer, at)

    def _give_memory(self, customer: Customer, at: int) -> None:
        customer.first_seen = customer.last_seen = at
        row = self._cache.memory.new_row(self._policy.grid.day_of(customer.as_of))
        self._cache.give_row(customer, row)
