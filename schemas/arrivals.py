"""Fast structs for the most frequent events, and their fast decoder.

The contract is in ``events``, whose pydantic models cost five times as much. Everything that `quick` accepts is valid
under the contract, with the same values (``tests/property/test_decoding.py``). An event that it rejects may still be
valid, so the contract must check it; `of` converts the resulting model.
"""

from __future__ import annotations

from re import compile as pattern
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args

import msgspec
from msgspec import Meta

from schemas import events
from schemas.fields import MAX_AMOUNT, MAX_CATEGORY_BYTES, MAX_LINES, MAX_QUANTITY
from schemas.ids import customer_id
from schemas.wire_time import epoch_ms

_CUSTOMER: Final = pattern(r"[A-Za-z0-9._:@+-]+").fullmatch

Text = Annotated[str, Meta(max_length=512)]
Category = Annotated[str, Meta(max_length=MAX_CATEGORY_BYTES)]
Id = Annotated[str, Meta(min_length=1, max_length=256)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
Amount = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Price = Annotated[float, Meta(ge=0, le=MAX_AMOUNT)]
if TYPE_CHECKING:
    Quantity = int | float
    Later = int | None
    Instant = int
else:
    # Fractional quantities are rare, so the full contract reads them.
    Quantity = Annotated[int, Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
    # Corrections are rare, so the full contract reads them.
    Later = None
    # Text until `quick` has parsed it.
    Instant = Annotated[str, Meta(max_length=64)]


class Context(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Same as ``events.Context``."""

    channel: Text | None = None
    device: Text | None = None
    locale: Text | None = None
    campaign: Text | None = None
    session_id: Text | None = None


class Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Same as ``events.Line``; absent fields are None."""

    product_id: Id
    name: Text | None = None
    category: Category | None = None
    price: Price | None = None
    quantity: Quantity | None = None


Lines = Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)]


class Arrival(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Same as ``events.BaseEvent``. Treat it as frozen."""

    event_id: Id
    customer_id: Annotated[str, Meta(min_length=1, max_length=128)]
    occurred_at: Instant
    sent_at: Instant | None = None
    schema_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    context: Context | None = None

    type = ""

    def partition_id(self) -> str:
        """Return the id that the record's key must equal."""
        return self.customer_id

    def is_plain(self) -> bool:
        """Return whether ids and currency certainly satisfy the contract."""
        return self.event_id.isprintable()


class OrderCompleted(Arrival, kw_only=True):
    """Same as ``events.OrderCompleted``."""

    order_id: Id
    total: Price
    currency: Currency
    discount: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    coupon: Text | None = None
    products: Lines = ()
    updated_at: Later = None

    def is_plain(self) -> bool:
        return (
            self.event_id.isprintable()
            and self.order_id.isprintable()
            and (self.currency in _codes or _is_code(self.currency))
            and _are_plain(self.products)
        )


class OrderReversed(Arrival, kw_only=True):
    """Same as ``events.OrderReversed``."""

    refund_id: Id
    order_id: Id | None = None
    total: Price | None = None
    currency: Currency | None = None
    products: Lines = ()
    updated_at: Later = None

    def is_plain(self) -> bool:
        return (
            self.event_id.isprintable()
            and self.refund_id.isprintable()
            and (self.order_id.isprintable() if self.order_id is not None else self.total is not None)
            and (self.currency in _codes or _is_code(self.currency))
            and _are_plain(self.products)
        )


class Interaction(Arrival, kw_only=True):
    """Same as ``events.Interaction``."""

    product_id: Id | None = None
    category: Category | None = None
    price: Price | None = None
    currency: Currency | None = None
    quantity: Quantity | None = None
    url: Annotated[str, Meta(max_length=4096)] | None = None
    query: Text | None = None

    def is_plain(self) -> bool:
        return (
            self.event_id.isprintable()
            and (self.product_id is None or self.product_id.isprintable())
            and (self.category is None or _is_short(self.category))
            and (self.currency in _codes or _is_code(self.currency))
        )


_codes: set[str | None] = {None}


def _is_code(currency: str | None) -> bool:
    """Return whether a three-character text matches ``[A-Z]{3}``; cached, because few different texts occur."""
    found = currency in _codes
    if not found and currency is not None and currency.isascii() and currency.isalpha() and currency.isupper():
        _codes.add(currency)
        return True
    return found


def _are_plain(lines: tuple[Line, ...]) -> bool:
    return all(line.product_id.isprintable() and (line.category is None or _is_short(line.category)) for line in lines)


def _is_short(category: str) -> bool:
    # A character has at most four bytes.
    return 4 * len(category) <= MAX_CATEGORY_BYTES or len(category.encode()) <= MAX_CATEGORY_BYTES


_CONTRACT: Final[dict[type[events.BaseEvent], type[Arrival]]] = {
    events.OrderCompleted: OrderCompleted,
    events.OrderReversed: OrderReversed,
    events.Interaction: Interaction,
}
# One tagged struct per value of ``type``, so that the decoder selects it.
_BY_TYPE: Final[dict[str, Any]] = {
    name: msgspec.defstruct(kind.__name__, [], bases=(kind,), tag_field="type", tag=name, namespace={"type": name})
    for model, kind in _CONTRACT.items()
    for name in get_args(model.model_fields["type"].annotation)
}
_decode: Final = msgspec.json.Decoder(Union[tuple(_BY_TYPE.values())]).decode  # noqa: UP007


def quick(value: bytes) -> Arrival | None:
    """Return the event of a bare JSON body in UTF-8, or None if the full contract must check it."""
    try:
        event: Any = _decode(value)
        event.occurred_at = epoch_ms(event.occurred_at)
        if event.sent_at is not None:
            event.sent_at = epoch_ms(event.sent_at)
    except (ValueError, RecursionError):
        # This also catches errors of msgspec; the contract's own parser bounds the depth.
        return None
    id = event.customer_id
    if not ((id.isascii() and id.isalnum()) or _CUSTOMER(id)):
        try:
            event.customer_id = customer_id(id)
        except ValueError:
            return None
    if event.type == "order.refunded" and event.total is None and events.may_have_another_total(value):
        return None
    return event if event.is_plain() else None


def of(model: events.Event) -> Arrival | events.Event:
    """Return the fast struct of a valid event; the model itself if there is no struct for its type."""
    kind = _BY_TYPE.get(model.type)
    if kind is None:
        return model
    fields = dict(model)
    del fields["type"]
    if (context := fields["context"]) is not None:
        fields["context"] = Context(**context)
    if (lines := fields.get("products")) is not None:
        fields["products"] = tuple(Line(**line) for line in lines)
    made: Arrival = kind(**fields)
    return made
