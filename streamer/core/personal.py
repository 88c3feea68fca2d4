"""Events about a person rather than about purchases: profile, consent, feedback, outcomes of messages."""

from __future__ import annotations

from models.customer.about import About, Consent, Subscription
from models.customer.customer import INTERACTIONS, Customer
from models.customer.decay import weight
from models.customer.orders import OrderBook
from models.customer.ring import digest
from models.features.features import Shop
from models.rules.judge import facts
from schemas.events import ConsentUpdated, FeedbackSubmitted, MessageOutcome, ProfileUpdated, SubscriptionUpdated
from streamer.core.moves import Moves
from streamer.core.outcome import Trigger
from streamer.core.panel import Panel
from streamer.core.policy import Policy
from streamer.core.state import LaneState


def about_of(customer: Customer) -> About:
    """What is known about a customer, to be changed."""
    about = customer.about
    if about is None:
        about = customer.about = About()
    customer.about_dirty = True
    return about


def fold_about(customer: Customer, event: object, shop: Shop) -> None:
    """Fold a profile, a feedback, a subscription, or the outcome of a message."""
    about = about_of(customer)
    if isinstance(event, ProfileUpdated):
        about.merge_traits(event.traits, event.occurred_at, digest(event.event_id))
    elif isinstance(event, FeedbackSubmitted):
        about.rate(event.kind, event.rating, weight(event.occurred_at, shop.half_life))
    elif isinstance(event, SubscriptionUpdated):
        said = Subscription(event.subscribed, event.occurred_at, digest(event.event_id))
        about.subscribe(event.list, said)
    else:
        assert isinstance(event, MessageOutcome)
        about.heard(event.outcome, weight(event.occurred_at, shop.half_life))


def drop_features(customer: Customer) -> None:
    """Forget all that features are made of, but the behaviour memory, which is the residents'."""
    customer.orders = customer.spend = customer.items = customer.discounted = 0
    customer.spend_weight = customer.order_weight = 0.0
    customer.first_order = customer.last_order = customer.due = None
    customer.interactions = [0] * len(INTERACTIONS)
    customer.categories = {}
    customer.book = OrderBook([], [])
    customer.book_dirty = True
    if customer.about is not None:
        about_of(customer).forget()


def later_consent(one: Consent | None, other: Consent | None) -> Consent | None:
    """What was said last; of the same instant the larger digest counts."""
    if one is None or other is None:
        return one or other
    return one if (one.at, one.by) > (other.at, other.by) else other


class Consents:
    """Who may be put into segments. Who may not has no behaviour memory, no statistics and no dues."""

    def __init__(self, state: LaneState, policy: Policy, moves: Moves, panel: Panel) -> None:
        self._residents = state.residents
        self._policy = policy
        self._moves = moves
        self._panel = panel

    def take(self, customer: Customer, event: ConsentUpdated, born: bool, trigger: Trigger, now: int) -> None:
        """Apply what a customer allows, unless something later is known; ``as_of`` is where it is judged."""
        about, by = about_of(customer), digest(event.event_id)
        known = about.consent
        if known is not None and (known.at, known.by) > (event.occurred_at, by):
            return
        held = customer.row >= 0
        before = (
            None if born or not held else facts(customer, customer.as_of, self._moves.definitions, self._policy.shop)
        )
        about.consent = Consent(event.personalization, event.marketing, event.analytics, event.occurred_at, by)
        if not event.personalization:
            if held:
                self._withdraw(customer, trigger, now)
            return
        if not held:
            self._begin_anew(customer, event.occurred_at)
        self._moves.settle(customer, before, "consent", trigger, now)

    def bring(self, customer: Customer, allowed: bool, first_seen: int, trigger: Trigger, now: int) -> None:
        """Begin or end what a customer's consent allows, after a merge changed it."""
        if customer.row >= 0 and not allowed:
            self._withdraw(customer, trigger, now)
        elif customer.row < 0 and allowed:
            self._give_memory(customer, first_seen)

    def _withdraw(self, customer: Customer, trigger: Trigger, now: int) -> None:
        self._moves.end_all(customer, "consent", trigger, now)
        drop_features(customer)
        self._residents.take_row(customer)
        self._panel.leave(customer.id)

    def _begin_anew(self, customer: Customer, at: int) -> None:
        about_of(customer).since = at
        self._give_memory(customer, at)

    def _give_memory(self, customer: Customer, at: int) -> None:
        customer.first_seen = customer.last_seen = at
        row = self._residents.memory.new_row(self._policy.grid.day_of(customer.as_of))
        self._residents.give_row(customer, row)
