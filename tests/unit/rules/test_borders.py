"""Test how far a customer is from the next border."""

from __future__ import annotations

from math import nan
from random import Random

import pytest
from heart_definitions import HEART_DEFINITIONS

from models.rules.borders import Border, borders_of
from models.rules.declared import load
from models.rules.defaults import DEFAULTS
from models.rules.facts import Facts, copied

VALUE, LIFECYCLE = DEFAULTS.segmentations


def facts(lateness: float, orders: float, value: str, spend: float = 100.0) -> Facts:
    numbers = {"lateness": lateness, "orders": float(orders), "recency_days": lateness * 40, "spend_decayed": spend}
    return Facts(numbers, {"value": value})


def rows(found: list[Border]) -> list[tuple[str, float | str, str, float | None]]:
    return [(one.feature, one.border, one.to, one.distance) for one in found]


def test_of_rules() -> None:
    assert rows(borders_of(LIFECYCLE, "loyal", facts(1.5, 6, "low"))) == [
        ("lateness", 2.0, "at_risk", 0.5),
        ("orders", 3.0, "active", -3.0),
        ("lateness", 4.0, "hibernating", 2.5),
        ("lateness", 6.0, "lost", 4.5),
        ("orders", 1.0, "new", -5.0),
        ("recency_days", 365.0, "lost", 305.0),
        ("orders", 0.0, "prospect", -6.0),
    ]


def test_a_word_that_is_missing_and_the_exit_border_of_who_is_inside() -> None:
    found = borders_of(LIFECYCLE, "loyal", facts(0.5, 9, "medium"))
    assert [(one.feature, one.value, one.border, one.to) for one in found if one.distance is None] == [
        ("value", "medium", "high", "champion"),
        ("value", "medium", "top", "champion"),
    ]
    at_risk = borders_of(LIFECYCLE, "at_risk", facts(2.5, 3, "low"))
    [left] = [one for one in at_risk if one.to == "active"]
    assert (left.feature, left.border) == ("lateness", 1.8) and left.distance == pytest.approx(-0.7)


def test_of_bands() -> None:
    assert rows(borders_of(VALUE, "high", facts(1, 1, "high", spend=400.0))) == [
        ("spend_decayed", 180.0, "medium", -220.0),
        ("spend_decayed", 1000.0, "top", 600.0),
        ("spend_decayed", 45.0, "low", -355.0),
    ]


def test_who_never_bought_has_no_distance_in_time() -> None:
    found = borders_of(LIFECYCLE, "prospect", Facts({"lateness": nan, "orders": 0.0, "recency_days": nan}, {}))
    assert rows(found) == [("orders", 1.0, "new", 1.0), ("orders", 2.0, "active", 2.0), ("orders", 4.0, "loyal", 4.0)]


def test_borders_are_where_a_customer_would_move() -> None:
    random = Random(4)
    checked = 0
    for segmentation in [one for text in HEART_DEFINITIONS for one in load(text, 2).segmentations]:
        names = {feature for feature, _, _ in segmentation.borders(None)}
        for _ in range(200):
            now = Facts({name: random.uniform(0, 60) for name in names}, {"value": "top", "behaviour": "busy"})
            current = segmentation.evaluate(None, now)
            for one in borders_of(segmentation, current, now):
                checked += 1
                after = copied(now)
                if isinstance(one.border, str):
                    after.segments[one.feature] = one.border
                    assert segmentation.evaluate(current, after) == one.to
                else:
                    ends = set()
                    for beyond in (one.border - 1e-9, one.border, one.border + 1e-9):
                        after.values[one.feature] = beyond
                        ends.add(segmentation.evaluate(current, after))
                    assert one.to in ends
    assert checked > 500
