"""The input events, and the fields of each type.

A model checks shapes and limits, not meanings: ``decide`` checks whether an order is known, a currency has a rate, or a
time is within bounds. Products and contexts are typed dictionaries, because an order may have a thousand lines and a
model for each costs half as much again.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired, Self, get_args

from pydantic import FailFast, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic requires this one below Python 3.12

from schemas.fields import (
    MAX_LINES,
    STRICT,
    Amount,
    Body,
    Category,
    Currency,
    CustomerId,
    Email,
    EventName,
    Id,
    Instant,
    Language,
    PersonName,
    Phone,
    Price,
    Quantity,
    Text,
    Url,
    Whole,
    Wire,
    ZoneName,
)


class Context(TypedDict, total=False):
    """Where the event happened, as reported by the sender."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    channel: Text | None
    device: Text | None
    locale: Text | None
    campaign: Text | None
    session_id: Text | None


class Line(TypedDict):
    """One line of an order.

    A negative ``quantity`` is a returned line. ``quantity`` defaults to 1 and ``price`` to 0.
    """

    __pydantic_config__ = STRICT  # type: ignore[misc]

    product_id: Id
    name: NotRequired[Text | None]
    category: NotRequired[Category | None]
    price: NotRequired[Price | None]
    quantity: NotRequired[Quantity | None]


Lines = Annotated[tuple[Line, ...], Field(max_length=MAX_LINES), FailFast()]


class BaseEvent(Wire):
    """The fields of every event.

    Attributes
    ----------
    event_id
        Key for dropping duplicates, unique per customer.
    occurred_at
        When the event happened, epoch milliseconds UTC.
    """

    event_id: Id
    customer_id: CustomerId
    occurred_at: Instant
    sent_at: Instant | None = None
    schema_version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    context: Context | None = None

    def partition_id(self) -> str:
        """Return the id that the record's key must equal."""
        return self.customer_id


class OrderCompleted(BaseEvent):
    """An order was paid (``order.completed``) or corrected (``order.updated``).

    ``total`` is the invoice total and may be zero. Of all versions of an order, the one with the latest ``updated_at``
    (default: ``occurred_at``) applies, whatever the order of arrival; the order's own time is the earliest.
    """

    type: Literal["order.completed", "order.updated"]
    order_id: Id
    total: Price
    currency: Currency
    discount: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    coupon: Text | None = None
    products: Lines = ()
    updated_at: Instant | None = None


OTHER_TOTALS: Final = ("revenue", "value", "amount")
"""Other names that senders use for the total."""
_OTHER_TOTALS: Final = tuple(f'"{name}"'.encode() for name in OTHER_TOTALS)


def may_have_another_total(body: bytes) -> bool:
    """Return whether one of `OTHER_TOTALS` occurs anywhere in a JSON body."""
    return any(name in body for name in _OTHER_TOTALS)


class OrderReversed(BaseEvent):
    """An order, or part of one, was cancelled or refunded.

    ``total`` is the refunded money, never negative. Without it the whole order is reversed, so a reversal without an
    order must have a total. ``currency`` defaults to the shop's. A later version (``updated_at``, default
    ``occurred_at``) of the same ``refund_id`` of an order replaces the earlier one, so cumulative amounts are
    supported.
    """

    type: Literal["order.refunded", "order.cancelled"]
    refund_id: Id
    order_id: Id | None = None
    total: Price | None = None
    currency: Currency | None = None
    products: Lines = ()
    updated_at: Instant | None = None

    @model_validator(mode="after")
    def _check_what_is_taken_back(self) -> Self:
        if self.order_id is None and self.total is None:
            raise PydanticCustomError("total_missing", "needed where no order_id is given")
        return self


InteractionType = Literal[
    "product.viewed",
    "product.clicked",
    "cart.added",
    "cart.removed",
    "checkout.started",
    "page.viewed",
    "email.opened",
    "email.clicked",
]
INTERACTIONS: Final[tuple[InteractionType, ...]] = get_args(InteractionType)
"""All interaction types. Customers' counts are stored in this order, so append new types."""


class Interaction(BaseEvent):
    """A customer viewed something, or interacted with a cart, a page or a message."""

    type: InteractionType
    product_id: Id | None = None
    category: Category | None = None
    price: Price | None = None
    currency: Currency | None = None
    quantity: Quantity | None = None
    url: Url | None = None
    query: Text | None = None


class Traits(TypedDict, total=False):
    """Traits of a customer: an absent field keeps its value, null removes it."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    birth_year: Annotated[int, Field(ge=1850, le=2200)] | None
    gender: Text | None
    country: Text | None
    city: Text | None
    signup_at: Instant | None
    loyalty_tier: Text | None
    name: PersonName | None
    email: Email | None
    phone: Phone | None
    timezone: ZoneName | None
    language: Language | None
    income: Price | None
    marketing_opt_in: bool | None
    custom: Annotated[dict[Text, Text | Whole | float | bool | None], Field(max_length=100)] | None


class Tracked(BaseEvent):
    """A custom event of the shop, counted by name. Its properties are not stored."""

    type: Literal["event.tracked"]
    name: EventName


class ProfileUpdated(BaseEvent):
    """Traits of a customer, merged field by field."""

    type: Literal["profile.updated"]
    traits: Traits


class IdentityLinked(BaseEvent):
    """Links ``anonymous_id`` to ``customer_id``. The record's key is the anonymous id."""

    type: Literal["identity.linked"]
    anonymous_id: CustomerId

    def partition_id(self) -> str:
        return self.anonymous_id


class ConsentUpdated(BaseEvent):
    """The customer's consent from now on."""

    type: Literal["consent.updated"]
    personalization: bool
    marketing: bool
    analytics: bool
    policy_version: Text | None = None


class SubscriptionUpdated(BaseEvent):
    """The customer subscribed to a list or left it; ``message_id`` names the message that led to this."""

    type: Literal["subscription.updated"]
    list: Id
    subscribed: bool
    message_id: Id | None = None


class CustomerErased(BaseEvent):
    """The customer must be erased."""

    type: Literal["customer.erased"]


class FeedbackSubmitted(BaseEvent):
    """A review, a score or a complaint. ``rating`` is optional only for a complaint."""

    type: Literal["feedback.submitted"]
    kind: Literal["review", "nps", "csat", "complaint"]
    rating: Annotated[float, Field(ge=0, le=100)] | None = None
    order_id: Id | None = None
    product_id: Id | None = None
    body: Body | None = None

    @model_validator(mode="after")
    def _rates_unless_it_complains(self) -> Self:
        if self.rating is None and self.kind != "complaint":
            raise PydanticCustomError("rating_missing", "needed unless the kind is complaint")
        return self


class MessageOutcome(BaseEvent):
    """The outcome of a message that a segment change triggered."""

    type: Literal["message.outcome"]
    message_id: Id
    change_event_id: Id
    outcome: Literal[
        "sent", "delivered", "opened", "clicked", "converted", "unsubscribed", "bounced", "complained", "failed"
    ]
    variant: Text | None = None


Event = (
    OrderCompleted
    | OrderReversed
    | Interaction
    | Tracked
    | ProfileUpdated
    | IdentityLinked
    | ConsentUpdated
    | SubscriptionUpdated
    | CustomerErased
    | FeedbackSubmitted
    | MessageOutcome
)
MODELS: Final[tuple[type[Event], ...]] = get_args(Event)


def types_of(model: type[Event]) -> frozenset[str]:
    """Return the values of ``type`` for which a model is used."""
    return frozenset(get_args(model.model_fields["type"].annotation))


EVENT_TYPES: Final[frozenset[str]] = frozenset().union(*map(types_of, MODELS))
