from __future__ import annotations

import json

from heart_logs import DAY, T0
from hypothesis import example, given
from hypothesis import strategies as st

from models.customer.customer import Customer
from models.customer.orders import Order
from models.features.document import document, hundredths
from models.features.features import FeatureContext
from models.rules.assign import assign
from models.rules.defaults import DEFAULTS

SHOP = FeatureContext()


def test_shows_segments_and_features_in_the_shops_units() -> None:
    ann = Customer("ann", (0, 0), T0)
    for day, money in ((0, 5_000), (10, 2_550)):
        ann.post(ann.book.add(Order(T0 + day * DAY, b"%d" % day, money, 2, 0, ())), SHOP.half_life)
    ann.interact(0, "tea", T0, SHOP.half_life)
    ann.as_of = T0 + 12 * DAY
    assign(ann, ann.as_of, DEFAULTS, SHOP, None)
    ann.seq = 2
    shown = json.loads(document(ann, SHOP))
    decayed = 50.0 * 2 ** (-12 / 25) + 25.5 * 2 ** (-2 / 25)
    assert shown == {
        "customer_id": "ann",
        "as_of": "2025-03-13T00:00:00Z",
        "segments": {"value": "medium", "lifecycle": "active"},
        "features": {
            "orders": 2,
            "spend": 75.5,
            "items": 4,
            "spend_decayed": round(decayed, 2),
            "recency_days": 2.0,
            "cadence_days": round(100 / 3, 2),
            "interactions": 1,
        },
        "last_order": "2025-03-11T00:00:00Z",
        "due": "2025-03-23T08:38:16.632000Z",
        "seq": 2,
    }


def test_a_customer_without_orders_in_a_currency_without_minor_units() -> None:
    ann = Customer("ann", (0, 0), T0)
    ann.statistics.spend = -300
    assign(ann, T0, DEFAULTS, FeatureContext(1), None)
    shown = json.loads(document(ann, FeatureContext(1)))
    assert shown["features"]["recency_days"] is None
    assert shown["features"]["spend"] == -300
    assert (shown["last_order"], shown["due"]) == (None, None)


@given(
    st.floats(0, 1e12, exclude_min=True)
    | st.integers(0, 10**12).map(lambda thousandths: thousandths / 1_000)
    | st.floats(max_value=0, exclude_max=True)
)
@example(1.115)
@example(2.675)
@example(0.005)
@example(0.0)
@example(float("inf"))
def test_hundredths_are_those_of_round(value: float) -> None:
    assert repr(hundredths(value)) == repr(round(value, 2))
