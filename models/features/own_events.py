"""Event features: how often an event happened, ``count("NAME")``, and how long ago, ``days_since("NAME")``.

Names are those of a shop's own events (``schemas.events.Tracked``), and of built-in event types whose count or latest
instant the customer's statistics hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil, nan
from typing import Final
from unicodedata import normalize

from models.customer.customer import Customer
from models.customer.statistics import INTERACTION_INDEX
from models.features.context import Feature, FeatureContext
from models.features.time import DAY_MS
from schemas.events import EVENT_TYPES
from schemas.own_names import meant

COUNT: Final = "count"
DAYS_SINCE: Final = "days_since"
_CHECKOUT: Final = "checkout.started"
_WRITTEN: Final = re.compile(rf"""({COUNT}|{DAYS_SINCE})\((["'])([^\n]*)\2\)""")
_INSTEAD: Final = {
    ("order.completed", COUNT): "orders",
    ("order.completed", DAYS_SINCE): "recency_days",
    ("feedback.submitted", COUNT): "ratings",
}


def written(function: str, name: str) -> str:
    """Return the feature's name as written in reasons and files.

    >>> written("count", "Signed Up")
    'count("Signed Up")'
    """
    quote = "'" if '"' in name else '"'
    return f"{function}({quote}{normalize('NFC', name)}{quote})"


def counted_event(feature: str) -> str | None:
    """Return the name of the event that a feature refers to; None for any other feature.

    >>> counted_event('days_since("Signed Up")'), counted_event("orders")
    ('Signed Up', None)
    """
    found = _WRITTEN.fullmatch(feature)
    return None if found is None else found[3]


def not_counted(function: str, name: str) -> tuple[str, str] | None:
    """Return why an event name has no such feature, and a hint what to write instead; None if it has one."""
    if _is_held(function, name):
        return None
    if not name:
        return "the name of an event is empty", 'write its name, such as count("Signed Up")'
    type = name if name in EVENT_TYPES else meant(name)
    if type is None:
        return None
    instead = _INSTEAD.get((type, function), f'{function}("{type}")' if _is_held(function, type) else None)
    hint = f"ask {instead}" if instead else "docs/segmentations.md lists what can be asked"
    if name in EVENT_TYPES:
        what = "how often" if function == COUNT else "when last"
        return f"a customer's state does not hold {what} {name} came", hint
    return f"no event is counted as {name!r}, which is too near to {type}", f"did you mean {type}? {hint}"


def _is_held(function: str, type: str) -> bool:
    """Return whether the statistics hold this figure for a built-in event type."""
    return type == _CHECKOUT or (function == COUNT and type in INTERACTION_INDEX)


@lru_cache(maxsize=1_024)
def event_feature(feature: str) -> Feature:
    """Look up an event feature by name. Raises KeyError for any other name."""
    found = _WRITTEN.fullmatch(feature)
    if found is None:
        raise KeyError(feature)
    name = found[3]
    if found[1] == COUNT:
        return _counted(feature, name)

    def last(customer: Customer) -> int | None:
        if name == _CHECKOUT:
            return customer.statistics.last_checkout
        known = None if customer.profile is None else customer.profile.tracked.get(name)
        return None if known is None else known.last

    def days(customer: Customer, at: int, shop: FeatureContext) -> float:
        return nan if (then := last(customer)) is None else (at - then) / DAY_MS

    def crossing(customer: Customer, border: float, shop: FeatureContext) -> int | None:
        return None if (then := last(customer)) is None else then + ceil(border * DAY_MS)

    return Feature(feature, "days", days, crossing, moved_by_interactions=name == _CHECKOUT)


def _counted(feature: str, name: str) -> Feature:
    kind = INTERACTION_INDEX.get(name)
    if kind is not None:
        return Feature(
            feature, "events", lambda c, at, shop: float(c.statistics.interactions[kind]), moved_by_interactions=True
        )

    def count(customer: Customer, at: int, shop: FeatureContext) -> float:
        known = None if customer.profile is None else customer.profile.tracked.get(name)
        return 0.0 if known is None else float(known.count)

    return Feature(feature, "events", count)
