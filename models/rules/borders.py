"""Distance of a customer to the next border: the value of a single feature that would lead to another segment.

The search evaluates the rules themselves, so it covers every kind of condition, exit borders and rule order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, nextafter

from models.features.features import MISSING, feature_of
from models.rules.conditions import Member
from models.rules.definitions import CLUSTERS
from models.rules.facts import Facts, copied
from models.rules.segmentation import Segmentation

_COUNTED = ("orders", "items", "interactions", "messages", "ratings", "complaints", "year", "events")


@dataclass(frozen=True, slots=True)
class Border:
    """A border of one feature; with the feature at it, or just beyond, the customer would be in segment ``to``.

    ``value`` is the customer's current value. Numbers are in the feature's own unit; for text features both are text,
    or None.
    """

    feature: str
    value: float | str | None
    border: float | str
    to: str

    @property
    def distance(self) -> float | None:
        """``border - value`` in the feature's unit; None for text features."""
        if isinstance(self.value, float) and isinstance(self.border, float):
            return self.border - self.value
        return None


def borders_of(segmentation: Segmentation, current: str, now: Facts) -> list[Border]:
    """Return each feature's nearest border to each segment it alone can reach, sorted by distance, text features last.

    An unknown feature (recency without an order) has no border.
    """
    found: dict[tuple[str, str, bool], Border] = {}
    for feature, border in sorted(_numbers(segmentation, current)):
        value = now.values[feature]
        if value != value:
            continue
        whole = _is_whole(feature)
        for beyond in (
            (ceil(border) - 1.0, float(ceil(border)), floor(border) + 1.0)
            if whole
            else (nextafter(border, -inf), border, nextafter(border, inf))
        ):
            to = _evaluated(segmentation, current, now, feature, beyond)
            reached = beyond if whole else border
            key = (feature, to, reached > value)
            held = found.get(key)
            if to != current and (held is None or abs(reached - value) < abs(held.distance or 0.0)):
                found[key] = Border(feature, value, reached, to)
    numbers = sorted(found.values(), key=lambda one: (_relative(one), abs(one.distance or 0.0), one.feature, one.to))
    return [*numbers, *_words(segmentation, current, now)]


def _is_whole(name: str) -> bool:
    """Return whether a feature takes whole numbers only, so that neighbouring values differ by 1."""
    feature = feature_of(name)
    return feature.unit in _COUNTED and feature.crossing is None


def _numbers(segmentation: Segmentation, current: str) -> set[tuple[str, float]]:
    return {(feature, border) for feature, _, border in segmentation.all_borders(current) if isfinite(border)}


def _words(segmentation: Segmentation, current: str, now: Facts) -> Iterator[Border]:
    compared = {
        (leaf.segmentation, word)
        for leaf in segmentation.leaves
        if isinstance(leaf, Member) and leaf.segmentation not in CLUSTERS
        for word in leaf.segments
        if word != MISSING
    }
    for feature, word in sorted(compared):
        patched = copied(now)
        patched.segments[feature] = word
        if (to := segmentation.evaluate(current, patched)) != current:
            yield Border(feature, now.segments.get(feature) or None, word, to)


def _evaluated(segmentation: Segmentation, current: str, now: Facts, feature: str, value: float) -> str:
    patched = copied(now)
    patched.values[feature] = value
    return segmentation.evaluate(current, patched)


def _relative(one: Border) -> float:
    """Return the distance relative to the border, or to the value if that is larger."""
    assert isinstance(one.value, float) and isinstance(one.border, float)
    return abs(one.border - one.value) / max(abs(one.border), abs(one.value), 1e-9)
