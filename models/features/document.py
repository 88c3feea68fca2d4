"""The readable document of a customer, as it stands in Redis: segments, and features as of its last event."""

from __future__ import annotations

import msgspec

from models.customer.customer import Customer
from models.customer.decay import decayed
from models.features.features import FeatureContext, cadence_ms
from models.features.time import DAY_MS
from schemas.wire_time import SIX_DIGITS, iso

# Below this the error of one float multiplication is far under the thousandth that the fast path leaves free.
_FAST_LIMIT = 1e9
_encode = msgspec.json.Encoder().encode


class Features(msgspec.Struct, gc=False):
    """Features that people and shops read. Money in major units of the shop's currency."""

    orders: int
    spend: float
    items: int
    spend_decayed: float
    recency_days: float | None
    cadence_days: float
    interactions: int


class Document(msgspec.Struct, gc=False):
    """A customer as ``redis-cli GET`` shows it.

    ``recency_days`` and ``spend_decayed`` hold at ``as_of`` and change with time by themselves; ``due`` is when time
    alone may next move the customer.
    """

    customer_id: str
    as_of: str
    segments: dict[str, str]
    features: Features
    last_order: str | None
    due: str | None
    seq: int


def document(customer: Customer, shop: FeatureContext) -> bytes:
    """The JSON document of a customer."""
    statistics, at, due, minor = customer.statistics, customer.as_of, customer.due, shop.minor_per_major
    last = statistics.last_order
    return _encode(
        Document(
            customer.id,
            iso(at, SIX_DIGITS),
            {name: held.segment for name, held in customer.segments.items()},
            Features(
                statistics.orders,
                statistics.spend / minor,
                statistics.items,
                hundredths(decayed(statistics.spend_weight, at, shop.half_life, statistics.era) / minor),
                None if last is None else hundredths((at - last) / DAY_MS),
                hundredths(cadence_ms(customer) / DAY_MS),
                sum(statistics.interactions),
            ),
            None if last is None else iso(last, SIX_DIGITS),
            None if due is None else iso(due, SIX_DIGITS),
            customer.seq,
        )
    )


def hundredths(value: float) -> float:
    """``round(value, 2)`` at a fifth of the cost: that writes a text and reads it again.

    >>> hundredths(2.675), hundredths(1.115), hundredths(-0.5)
    (2.67, 1.11, -0.5)
    """
    if 0.0 <= value < _FAST_LIMIT:
        scaled = value * 100.0
        nearest = round(scaled)
        # Only near a half can the product and the exact value fall on different sides.
        if -0.499 < scaled - nearest < 0.499:
            return nearest / 100.0
    return round(value, 2)
