"""Features of the profile: traits, consent, feedback, and message outcomes.

Numeric features are in ``PROFILE_FEATURES``, beside those of ``models.features.features``; `text_trait` returns text
features (country, loyalty tier ...). An unknown number is NaN, an unknown text None.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from math import ceil, nan

from models.customer.customer import Customer
from models.customer.decay import decayed, falls_to
from models.customer.profile import CUSTOM, OUTCOME_INDEX, Profile, Rated, TraitValue
from models.features.context import Feature, FeatureContext
from models.features.time import DAY_MS

TEXT_TRAITS = ("gender", "country", "city", "loyalty_tier", "language", "timezone")
"""Traits with text values; a shop's own, ``custom.NAME``, may be text as well."""

_EPOCH = date(1970, 1, 1)

_SCALES = {"nps": 10.0, "csat": 5.0, "review": 5.0}
"""Usual best rating per kind; a rating above it is read as per cent."""


def trait(customer: Customer, name: str) -> TraitValue:
    """Return any trait by name (``country``, ``custom.NAME`` ...); None if unknown."""
    profile = customer.profile
    return None if profile is None else profile.trait(name)


def text_trait(customer: Customer, name: str) -> str | None:
    """Return a trait as text; numbers and booleans of a shop's own traits in JSON notation."""
    value = trait(customer, name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def number_trait(customer: Customer, name: str) -> float:
    """Return a trait as a number: booleans as 1 or 0, instants in ms, anything else as NaN."""
    value = trait(customer, name)
    return float(value) if isinstance(value, int | float) else nan


def is_own_trait(name: str) -> bool:
    """Return whether a name belongs to a shop's own trait."""
    return name.startswith(CUSTOM) and len(name) > len(CUSTOM)


def own_word(customer: Customer, name: str) -> str | None:
    """Return a shop's own trait if it is text or a boolean (``true``, ``false``), else None."""
    value = trait(customer, name)
    return text_trait(customer, name) if isinstance(value, str | bool) else None


@lru_cache(maxsize=1_024)
def own_feature(name: str) -> Feature:
    """Return a shop's own trait as a numeric feature; NaN if it is text or unknown."""
    return Feature(name, "", lambda customer, at, shop: number_trait(customer, name))


def _age_years(customer: Customer, at: int, shop: FeatureContext) -> float:
    return (_EPOCH + timedelta(days=shop.grid.day_of(at))).year - number_trait(customer, "birth_year")


def _age_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    born = trait(customer, "birth_year")
    year = ceil(border) + born if isinstance(born, int) else 0
    if not 1970 <= year <= 9999:
        return None
    return shop.grid.instant((date(year, 1, 1) - _EPOCH).days)


def _signup_days(customer: Customer, at: int, shop: FeatureContext) -> float:
    return (at - number_trait(customer, "signup_at")) / DAY_MS


def _signup_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    signed = trait(customer, "signup_at")
    return signed + ceil(border * DAY_MS) if isinstance(signed, int) else None


def _consent(name: str) -> Feature:
    def value(customer: Customer, at: int, shop: FeatureContext) -> float:
        profile = customer.profile
        return nan if profile is None or profile.consent is None else float(getattr(profile.consent, name))

    return Feature(f"consent_{name}", "1 or 0", value)


def _mean(one: Rated) -> float:
    # Weights of very old events underflow a double to 0.
    return one.rated / one.weight if one.weight else nan


def _satisfaction(customer: Customer, at: int, shop: FeatureContext) -> float:
    profile = customer.profile
    rated = total = 0.0
    for kind, one in profile.ratings.items() if profile is not None else ():
        mean, scale = _mean(one), _SCALES.get(kind, 100.0)
        if one.weight:
            rated += one.weight * mean / (scale if mean <= scale else 100.0)
            total += one.weight
    return rated / total if total else nan


def _rating(kind: str) -> Feature:
    def value(customer: Customer, at: int, shop: FeatureContext) -> float:
        one = None if customer.profile is None else customer.profile.ratings.get(kind)
        return nan if one is None else _mean(one)

    return Feature(f"{kind}_rating", "rating", value)


def _ratings(customer: Customer, at: int, shop: FeatureContext) -> float:
    return 0.0 if customer.profile is None else float(sum(one.count for one in customer.profile.ratings.values()))


def _unsubscribed_lists(customer: Customer, at: int, shop: FeatureContext) -> float:
    lists = () if customer.profile is None else customer.profile.subscriptions.values()
    return float(sum(not one.subscribed for one in lists))


def _complaint_weight(customer: Customer) -> float:
    return 0.0 if customer.profile is None else customer.profile.complaint_weight


def _complaints_crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
    at = falls_to(_complaint_weight(customer), border, shop.half_life, customer.statistics.era)
    return None if at is None else ceil(at)


def _count(outcome: str, name: str) -> Feature:
    index = OUTCOME_INDEX[outcome]

    def value(customer: Customer, at: int, shop: FeatureContext) -> float:
        profile = customer.profile
        return float(profile.outcomes[index]) if profile is not None and index < len(profile.outcomes) else 0.0

    return Feature(name, "messages", value)


def _faded(outcome: str, name: str) -> Feature:
    index = OUTCOME_INDEX[outcome]

    def held(profile: Profile | None) -> float:
        return profile.outcome_weights[index] if profile is not None and index < len(profile.outcome_weights) else 0.0

    def crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
        at = falls_to(held(customer.profile), border, shop.half_life, customer.statistics.era)
        return None if at is None else ceil(at)

    return Feature(
        name,
        "messages",
        lambda customer, at, shop: decayed(held(customer.profile), at, shop.half_life, customer.statistics.era),
        crossing,
    )


PROFILE_FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("birth_year", "year", lambda c, at, shop: number_trait(c, "birth_year")),
        # Only the birth year is known, so the age changes on 1 January.
        Feature("age_years", "years", _age_years, _age_crossing),
        Feature("income", "money", lambda c, at, shop: number_trait(c, "income")),
        Feature("marketing_opt_in", "1 or 0", lambda c, at, shop: number_trait(c, "marketing_opt_in")),
        Feature("signup_days", "days", _signup_days, _signup_crossing),
        _consent("personalization"),
        _consent("marketing"),
        _consent("analytics"),
        # Decayed mean of all ratings, each as a share of the usual best rating of its kind: 0 to 1.
        Feature("satisfaction", "0 to 1", _satisfaction),
        _rating("nps"),
        _rating("csat"),
        _rating("review"),
        Feature("ratings", "ratings", _ratings),
        Feature(
            "complaints", "complaints", lambda c, at, shop: 0.0 if c.profile is None else float(c.profile.complaints)
        ),
        Feature(
            "complaints_decayed",
            "complaints",
            lambda c, at, shop: decayed(_complaint_weight(c), at, shop.half_life, c.statistics.era),
            _complaints_crossing,
        ),
        _count("sent", "messages_sent"),
        _count("delivered", "messages_delivered"),
        _count("opened", "messages_opened"),
        _count("clicked", "messages_clicked"),
        _count("converted", "messages_converted"),
        _count("unsubscribed", "unsubscribes"),
        Feature("unsubscribed_lists", "lists", _unsubscribed_lists),
        _faded("sent", "messages_sent_decayed"),
        _faded("opened", "messages_opened_decayed"),
        _faded("clicked", "messages_clicked_decayed"),
    )
}
