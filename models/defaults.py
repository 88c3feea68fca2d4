"""The segmentations a shop gets without writing any: ``lifecycle`` and ``value``."""

from __future__ import annotations

from models.definitions import (
    Band,
    Bands,
    Compare,
    Definitions,
    Every,
    Member,
    Rule,
    Rules,
    Segment,
    Some,
)


def _at_least(feature: str, enter: float, exit: float | None = None) -> Compare:
    return Compare(feature, ">=", enter, enter if exit is None else exit)


VALUE = Bands(
    name="value",
    segments=(
        Segment("low", "Low", "spends little of late"),
        Segment("medium", "Medium", "spends a usual amount of late"),
        Segment("high", "High", "spends much of late"),
        Segment("top", "Top", "among the biggest spenders of late"),
    ),
    feature="spend_decayed",
    bands=(
        Band("low", 0.0, 0.0),
        Band("medium", 50.0, 45.0),
        Band("high", 200.0, 180.0),
        Band("top", 1000.0, 900.0),
    ),
)

LIFECYCLE = Rules(
    name="lifecycle",
    segments=(
        Segment("prospect", "Prospect", "has not bought (or took everything back)"),
        Segment("new", "New", "bought once, not long ago"),
        Segment("active", "Active", "buys, and is within the usual gap between orders"),
        Segment("loyal", "Loyal", "four orders or more, and within the usual gap"),
        Segment("champion", "Champion", "eight orders or more, spends much, and is within the usual gap"),
        Segment("at_risk", "At risk", "silent for twice the customer's own usual gap"),
        Segment("hibernating", "Hibernating", "silent for four times the customer's own usual gap"),
        Segment("lost", "Lost", "silent for six times the usual gap, or for a year"),
    ),
    rules=(
        Rule("prospect", Compare("orders", "<=", 0.0, 0.0)),
        Rule("lost", Some((_at_least("lateness", 6.0, 5.5), _at_least("recency_days", 365.0)))),
        Rule("hibernating", _at_least("lateness", 4.0, 3.6)),
        Rule("at_risk", _at_least("lateness", 2.0, 1.8)),
        Rule("new", Compare("orders", "=", 1.0, 1.0)),
        Rule("champion", Every((_at_least("orders", 8.0), Member("value", frozenset({"high", "top"}))))),
        Rule("loyal", _at_least("orders", 4.0)),
        Rule("active", None),
    ),
)

# `value` comes first: `lifecycle` refers to it.
DEFAULTS = Definitions(version=1, segmentations=(VALUE, LIFECYCLE))
