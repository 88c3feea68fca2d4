"""Features that predict what a customer will do: names, units, and the source of their values.

Prediction models are published in versions (`models.prediction.model`); a `Forecasts` holds those in force. A value
holds for a whole grid day: orders of that day count from the next day on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import nan
from typing import Final

from models.customer.customer import Customer
from models.features.context import Feature, FeatureContext

P_BUY: Final[Mapping[str, int]] = {"p_buy_30d": 30, "p_buy_60d": 60, "p_buy_90d": 90}
"""Probabilities of an order, with their horizons in days."""
CHURN_90: Final = "churn_risk_90d"
ORDERS_90: Final = "expected_orders_90d"
SPEND_90: Final = "expected_spend_90d"
NEXT_FROM: Final = "next_order_from"
NEXT_TO: Final = "next_order_to"
_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(P_BUY, "0 to 1"),
    CHURN_90: "0 to 1",
    ORDERS_90: "orders",
    SPEND_90: "money",
    NEXT_FROM: "days",
    NEXT_TO: "days",
}


def _value(name: str, customer: Customer, at: int, shop: FeatureContext) -> float:
    forecasts = shop.forecasts
    return nan if forecasts is None else forecasts.value(name, customer, at)


PREDICTED: Final[Mapping[str, Feature]] = {
    name: Feature(name, unit, partial(_value, name)) for name, unit in _UNITS.items()
}
"""All predictions. Time moves them, but not in closed form, so lanes recompute them every night."""
