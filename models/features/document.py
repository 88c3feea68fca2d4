"""The readable customer document in Redis: segments, and features as of the last event."""

from __future__ import annotations

import msgspec

from models.customer.customer import Customer
from models.customer.decay import decayed
from models.features.features import FeatureContext, cadence_ms
from models.features.time import DAY_MS
from schemas.wire_time import SIX_DIGITS, iso

# Below this limit the error of one float multiplication is far below the margin of 0.001 that the fast path leaves.
_FAST_LIMIT = 1e9
_encode = msgspec.json.Encoder().encode


class Features(msgspec.Struct, gc=False):
    """Features for people and shops to read. Money in major units of the shop's currency."""

    orders: int
    spend: float
    items: int
    spend_decayed: float
    recency_days: float | None
    cadence_days: float
    interactions: int


class Document(msgspec.Struct, gc=False):
    """A customer's readable document, as ``redis-cli GET`` shows it.

    ``recency_days`` and ``spend_decayed`` hold at ``as_of`` and keep changing with time; ``due`` is the next instant
    at which time alone may move the customer.
    """

    customer_id: str
    as_of: str
    segments: dict[str, str]
    features: Features
    last_order: str | None
    due: str | None
    seq: int


def document(customer: Customer, shop: FeatureContext) -> bytes:
    """Encode a customer as a JSON document."""
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
    """Return ``round(value, 2)`` at a fifth of its cost: ``round`` formats the number and parses it again.

    >>> hundredths(2.675), hundredths(1.115), hundredths(-0.5)
    (2.67, 1.11, -0.5)
    """
    if 0.0 <= value < _FAST_LIMIT:
        scaled = value * 100.0
        nearest = round(scaled)
        # The product and the exact value can round differently only near a half.
        if -0.499 < scaled - nearest < 0.499:
            return nearest / 100.0
    return round(value, 2)
