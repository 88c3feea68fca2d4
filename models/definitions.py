"""Declared segmentations: ordered rules and bands over named features, with enter and exit borders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Op = Literal[">=", ">", "<=", "<", "=", "!="]


@dataclass(frozen=True, slots=True)
class Compare:
    """``feature op enter``; while the customer is in the rule's own segment the border is ``exit`` instead."""

    feature: str
    op: Op
    enter: float
    exit: float


@dataclass(frozen=True, slots=True)
class Member:
    """The customer's segment in another segmentation is one of ``segments``."""

    segmentation: str
    segments: frozenset[str]


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition


Leaf = Compare | Member
Condition = Compare | Member | Every | Some | Negation


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The comparisons and memberships a condition is made of, left to right."""
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from leaves(part)
        case Negation(part):
            yield from leaves(part)
        case _:
            yield condition


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as people see it: stable id, name, meaning."""

    id: str
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The customer is in ``segment`` if ``when`` holds; None holds always (the default, last)."""

    segment: str
    when: Condition | None


@dataclass(frozen=True)
class Rules:
    """Ordered rules: the first that holds decides. The last rule is the default."""

    name: str
    segments: tuple[Segment, ...]
    rules: tuple[Rule, ...]
    kind: Literal["rules"] = "rules"

    @cached_property
    def leaves(self) -> tuple[tuple[Leaf, ...], ...]:
        """The leaves of each rule, in rule order."""
        return tuple(tuple(leaves(rule.when)) if rule.when else () for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Band:
    """A band begins at ``enter``; a customer in it (or above) leaves it downwards below ``exit``."""

    segment: str
    enter: float
    exit: float


@dataclass(frozen=True)
class Bands:
    """Bands of one feature, lowest first. The lowest takes everything below the second."""

    name: str
    segments: tuple[Segment, ...]
    feature: str
    bands: tuple[Band, ...]
    kind: Literal["bands"] = "bands"


Segmentation = Rules | Bands


@dataclass(frozen=True)
class Definitions:
    """One version of all declared segmentations, each after those it refers to."""

    version: int
    segmentations: tuple[Segmentation, ...]
    names: dict[tuple[str, str], str] = field(init=False)

    def __post_init__(self) -> None:
        names = {
            (segmentation.name, segment.id): segment.name
            for segmentation in self.segmentations
            for segment in segmentation.segments
        }
        object.__setattr__(self, "names", names)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of all features that some rule or band asks for, sorted."""
        found: set[str] = set()
        for segmentation in self.segmentations:
            if isinstance(segmentation, Bands):
                found.add(segmentation.feature)
            else:
                for rule in segmentation.leaves:
                    found.update(leaf.feature for leaf in rule if isinstance(leaf, Compare))
        return tuple(sorted(found))
