"""Named features for rules and bands, each with its unit and its next crossing.

A feature's ``crossing`` is the closed-form instant at which time alone carries it over a border, so that an inactive
customer moves on time without a daily scan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, nan

from models.customer.customer import Customer
from models.customer.decay import decayed, falls_to
from models.customer.statistics import REST
from models.features.context import UTC_DAYS, Feature, FeatureContext
from models.features.own_events import counted_event, event_feature
from models.features.predicted import PREDICTED
from models.features.time import DAY_MS
from models.features.traits import PROFILE_FEATURES, TEXT_TRAITS, is_own_trait, own_feature, own_word, text_trait

__all__ = [
    "FEATURES",
    "LABELS",
    "MISSING",
    "UTC_DAYS",
    "Feature",
    "FeatureContext",
    "Label",
    "cadence_ms",
    "feature_of",
    "label_of",
]

HOUR_MS = 3_600_000
PRIOR_GAPS = 2
PRIOR_GAP_MS = 45 * DAY_MS
_PRIOR_SPAN_MS = float(PRIOR_GAPS * PRIOR_GAP_MS)
_PRIOR_ORDERS = 0.5


def cadence_ms(customer: Customer) -> float:
    """Return the mean gap between orders, shrunk towards 45 days by two prior gaps; ms."""
    statistics = customer.statistics
    first, last = statistics.first_order, statistics.last_order
    span = last - first if first is not None and last is not None else 0
    gaps = statistics.orders - 1 if statistics.orders > 1 else 0
    # Floats represent every span exactly, at half the cost of large integers.
    return (span + _PRIOR_SPAN_MS) / (gaps + PRIOR_GAPS)


def _recency_days(customer: Customer, at: int, shop: FeatureContext) -> float:
    last = customer.statistics.last_order
    return nan if last is None else (at - last) / DAY_MS


def _recency_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    last = customer.statistics.last_order
    return None if last is None else last + ceil(border * DAY_MS)


def _checkout_hours(customer: Customer, at: int, shop: FeatureContext) -> float:
    began = _left_checkout(customer)
    return nan if began is None else (at - began) / HOUR_MS


def _checkout_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    began = _left_checkout(customer)
    return None if began is None else began + ceil(border * HOUR_MS)


def _left_checkout(customer: Customer) -> int | None:
    """Return the instant (ms) of the latest checkout; None without one, or if an order came at or after it."""
    began, last = customer.statistics.last_checkout, customer.statistics.last_order
    return None if began is None or (last is not None and last >= began) else began


def _lateness(customer: Customer, at: int, shop: FeatureContext) -> float:
    last = customer.statistics.last_order
    return nan if last is None else (at - last) / cadence_ms(customer)


def _lateness_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    last = customer.statistics.last_order
    return None if last is None else last + ceil(border * cadence_ms(customer))


def _spend_decayed(customer: Customer, at: int, shop: FeatureContext) -> float:
    return decayed(customer.statistics.spend_weight, at, shop.half_life, customer.statistics.era) / shop.minor_per_major


def _spend_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    at = falls_to(
        customer.statistics.spend_weight, border * shop.minor_per_major, shop.half_life, customer.statistics.era
    )
    return None if at is None else ceil(at)


def _orders_decayed(customer: Customer, at: int, shop: FeatureContext) -> float:
    return decayed(customer.statistics.order_weight, at, shop.half_life, customer.statistics.era)


def _orders_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    at = falls_to(customer.statistics.order_weight, border, shop.half_life, customer.statistics.era)
    return None if at is None else ceil(at)


def _age_days(customer: Customer, at: int, shop: FeatureContext) -> float:
    return (at - customer.first_seen) / DAY_MS


def _age_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    return customer.first_seen + ceil(border * DAY_MS)


def _interactions(customer: Customer, at: int, shop: FeatureContext) -> float:
    return float(sum(customer.statistics.interactions))


@dataclass(frozen=True, slots=True)
class Label:
    """A text feature that rules may name; only an event changes it. None if unknown.

    ``moved_by_interactions`` as for `Feature`.
    """

    name: str
    value: Callable[[Customer], str | None]
    moved_by_interactions: bool = False


MISSING = ""
"""The value of an unknown text feature in the facts."""


def _top(customer: Customer) -> tuple[str | None, float]:
    """Return the category with the most decayed money and its share of all categorised money.

    All categories decay alike, so time changes neither. The overflow category ``REST`` is never returned.
    """
    named, best, total = None, 0.0, 0.0
    for category, (money, _) in customer.statistics.categories.items():
        if money > 0:
            total += money
            if category != REST and (money > best or (money == best and category > (named or ""))):
                named, best = category, money
    return named, best / total if total else nan


def top_category(customer: Customer) -> str | None:
    """Return the category with the most decayed money; None without a categorised purchase."""
    return _top(customer)[0]


def _top_share(customer: Customer, at: int, shop: FeatureContext) -> float:
    """Return the share of the top category, shrunk towards 0 by half a prior order because one old order means little."""
    orders = decayed(customer.statistics.order_weight, at, shop.half_life, customer.statistics.era)
    return _top(customer)[1] * (orders / (orders + _PRIOR_ORDERS) if orders > 0 else 0.0)


def _top_share_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    share = _top(customer)[1]
    # Solves share * n / (n + prior) = border for n; the negation also rejects NaN.
    if not 0 < border < share:
        return None
    at = falls_to(
        customer.statistics.order_weight,
        _PRIOR_ORDERS * border / (share - border),
        shop.half_life,
        customer.statistics.era,
    )
    return None if at is None else ceil(at)


def _discount_share(customer: Customer, at: int, shop: FeatureContext) -> float:
    statistics = customer.statistics
    return statistics.discounted / statistics.orders if statistics.orders > 0 else nan


FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("orders", "orders", lambda c, at, shop: float(c.statistics.orders)),
        Feature("spend", "money", lambda c, at, shop: c.statistics.spend / shop.minor_per_major),
        Feature("items", "items", lambda c, at, shop: float(c.statistics.items)),
        Feature("spend_decayed", "money", _spend_decayed, _spend_crossing),
        Feature("orders_decayed", "orders", _orders_decayed, _orders_crossing),
        Feature("recency_days", "days", _recency_days, _recency_crossing),
        Feature("checkout_hours", "hours", _checkout_hours, _checkout_crossing, moved_by_interactions=True),
        Feature("lateness", "own order gaps", _lateness, _lateness_crossing),
        Feature("cadence_days", "days", lambda c, at, shop: cadence_ms(c) / DAY_MS),
        Feature("age_days", "days", _age_days, _age_crossing, moved_by_interactions=True),
        Feature("interactions", "interactions", _interactions, moved_by_interactions=True),
        Feature("discount_share", "0 to 1", _discount_share),
        Feature("top_share", "0 to 1", _top_share, _top_share_crossing, moved_by_interactions=True),
        *PROFILE_FEATURES.values(),
        *PREDICTED.values(),
    )
}
"""All numeric features; the expression language and the documentation read this table."""


LABELS: dict[str, Label] = {
    label.name: label
    for label in (
        Label("top_category", top_category, moved_by_interactions=True),
        *(Label(name, partial(text_trait, name=name)) for name in TEXT_TRAITS),
    )
}
"""All text features."""


def feature_of(name: str) -> Feature:
    """Look up a numeric feature: one of `FEATURES`, an event feature, or an own trait. Raises KeyError otherwise."""
    if is_own_trait(name):
        return own_feature(name)
    return event_feature(name) if counted_event(name) is not None else FEATURES[name]


def label_of(name: str, as_word: bool = True) -> Label:
    """Look up a text feature: one of `LABELS`, or a shop's own trait. Raises KeyError for other names.

    Pass ``as_word=False`` if rules only test whether an own trait is known: numbers then count as well.
    """
    if is_own_trait(name):
        return Label(name, partial(own_word if as_word else text_trait, name=name))
    return LABELS[name]
