"""The readable document of a customer, as it stands in Redis: segments, and features as of its last event."""

from __future__ import annotations

import msgspec

from models.customer import Customer
from models.decay import decayed
from models.features import Shop, cadence_ms
from models.time import DAY_MS
from schemas.wire_time import iso

_encode = msgspec.json.Encoder().encode


def document(customer: Customer, shop: Shop) -> bytes:
    """JSON for people and shops: ``redis-cli GET`` shows it.

    Amounts are in major units of the shop's currency; ``recency_days`` and ``spend_decayed`` hold at ``as_of``
    and change with time by themselves.
    """
    at, last = customer.as_of, customer.last_order
    minor = shop.minor_per_major
    return _encode(
        {
            "customer_id": customer.id,
            "as_of": iso(at),
            "segments": {name: held.segment for name, held in customer.segments.items()},
            "features": {
                "orders": customer.orders,
                "spend": customer.spend / minor,
                "items": customer.items,
                "spend_decayed": round(decayed(customer.spend_weight, at, shop.half_life) / minor, 2),
                "recency_days": None if last is None else round((at - last) / DAY_MS, 2),
                "cadence_days": round(cadence_ms(customer) / DAY_MS, 2),
                "interactions": sum(customer.interactions),
            },
            "first_order": None if customer.first_order is None else iso(customer.first_order),
            "last_order": None if last is None else iso(last),
            "due": None if customer.due is None else iso(customer.due),
            "seq": customer.seq,
        }
    )
