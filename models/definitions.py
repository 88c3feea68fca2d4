"""Declared segmentations: ordered rules and bands over named features, with enter and exit borders."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

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


Predicate = Callable[[Mapping[str, float], Mapping[str, str]], bool]
"""A condition made ready to ask: from feature values and segments by name to whether it holds."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
    # What is not known (NaN) passes no comparison, this one neither.
    "!=": lambda value, border: value == value and value != border,
}


def predicate(condition: Condition, held: bool) -> Predicate:
    """``condition`` made ready, with exit borders where the customer is in the rule's segment (``held``)."""
    match condition:
        case Compare(feature, op, enter, exit):
            compare, border = OPERATORS[op], exit if held else enter
            return lambda values, segments: compare(values[feature], border)
        case Member(segmentation, wanted):
            return lambda values, segments: segments.get(segmentation) in wanted
        case Every(parts):
            every = [predicate(part, held) for part in parts]
            return lambda values, segments: all(part(values, segments) for part in every)
        case Some(parts):
            some = [predicate(part, held) for part in parts]
            return lambda values, segments: any(part(values, segments) for part in some)
        case Negation(part):
            negated = predicate(part, held)
            return lambda values, segments: not negated(values, segments)


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
    """Ordered rules: the first that holds decides. The last rule is the default.

    A customer stays in a segment for ``dwell_days`` grid days at least, but in a ``provisional`` one no longer than
    must be.
    """

    name: str
    segments: tuple[Segment, ...]
    rules: tuple[Rule, ...]
    kind: Literal["rules"] = "rules"
    dwell_days: int = 0
    provisional: frozenset[str] = frozenset()

    def borders(self, current: str | None) -> Iterator[tuple[str, Op, float]]:
        """Every comparison ``(feature, op, border)`` as it stands for a customer whose segment is ``current``."""
        for rule, rule_leaves in zip(self.rules, self.leaves, strict=True):
            for leaf in rule_leaves:
                if isinstance(leaf, Compare):
                    yield leaf.feature, leaf.op, leaf.exit if rule.segment == current else leaf.enter

    @cached_property
    def ready(self) -> dict[str | None, Any]:
        """A place for what is worked out once per current segment (``models.due``)."""
        return {}

    @cached_property
    def leaves(self) -> tuple[tuple[Leaf, ...], ...]:
        """The leaves of each rule, in rule order."""
        return tuple(tuple(leaves(rule.when)) if rule.when else () for rule in self.rules)

    @cached_property
    def leaf_tests(self) -> tuple[tuple[tuple[Leaf, Predicate, Predicate], ...], ...]:
        """For each rule its leaves, each made ready for customers outside of the rule's segment and in it."""
        return tuple(
            tuple((leaf, predicate(leaf, False), predicate(leaf, True)) for leaf in rule_leaves)
            for rule_leaves in self.leaves
        )

    @cached_property
    def predicates(self) -> tuple[tuple[str, Predicate, Predicate], ...]:
        """For each rule its segment, and its condition for customers outside of it and in it."""
        return tuple(
            (rule.segment, predicate(rule.when, False), predicate(rule.when, True))
            if rule.when
            else (rule.segment, _always, _always)
            for rule in self.rules
        )


def _always(values: Mapping[str, float], segments: Mapping[str, str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Band:
    """A band begins at ``enter``; a customer in it (or above) leaves it downwards below ``exit``."""

    segment: str
    enter: float
    exit: float


@dataclass(frozen=True)
class Bands:
    """Bands of one feature, lowest first. The lowest takes everything below the second.

    ``guards`` come before the bands: the first of their rules that holds decides, and its last, without a condition,
    means the bands. ``dwell_days`` and ``provisional`` are as for rules.
    """

    name: str
    segments: tuple[Segment, ...]
    feature: str
    bands: tuple[Band, ...]
    kind: Literal["bands"] = "bands"
    dwell_days: int = 0
    provisional: frozenset[str] = frozenset()
    guards: Rules | None = None

    def borders(self, current: str | None) -> Iterator[tuple[str, Op, float]]:
        """The comparisons that lead out of the band ``current``: below its exit, or into the next one."""
        if self.guards is not None:
            yield from self.guards.borders(current)
        index = next((i for i, band in enumerate(self.bands) if band.segment == current), 0)
        if index > 0:
            yield self.feature, "<", self.bands[index].exit
        if index + 1 < len(self.bands):
            yield self.feature, ">=", self.bands[index + 1].enter

    @cached_property
    def ready(self) -> dict[str | None, Any]:
        """A place for what is worked out once per current segment (``models.due``)."""
        return {}


Segmentation = Rules | Bands
CLUSTERS = ("behaviour",)
"""Cluster segmentations that there can be."""


@dataclass(frozen=True)
class Definitions:
    """One version of all declared segmentations, each after those it refers to.

    ``clusters`` are the cluster segmentations that are switched on; what their segments are, models say.
    """

    version: int
    segmentations: tuple[Segmentation, ...]
    clusters: tuple[str, ...] = CLUSTERS

    @cached_property
    def names(self) -> dict[tuple[str, str], str]:
        """Segment names by segmentation and segment id."""
        return {
            (segmentation.name, segment.id): segment.name
            for segmentation in self.segmentations
            for segment in segmentation.segments
        }

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What kind each segmentation is of: ``rules`` or ``bands``."""
        return {segmentation.name: segmentation.kind for segmentation in self.segmentations}

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of all features that some rule or band asks for, sorted."""
        found: set[str] = set()
        for segmentation in self.segmentations:
            if isinstance(segmentation, Bands):
                found.add(segmentation.feature)
            found.update(leaf.feature for leaf in leaves_of(segmentation) if isinstance(leaf, Compare))
        return tuple(sorted(found))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of all features with words that some rule asks for, sorted."""
        found = {name for segmentation in self.segmentations for name in refers_to(segmentation)}
        return tuple(sorted(found.difference(self.kinds, CLUSTERS)))

    @cached_property
    def behind_clusters(self) -> frozenset[str]:
        """Names of the segmentations that look at clusters, be it through others."""
        found = set(self.clusters)
        for segmentation in self.segmentations:
            if not found.isdisjoint(refers_to(segmentation)):
                found.add(segmentation.name)
        return frozenset(found.difference(self.clusters))


def leaves_of(segmentation: Segmentation) -> Iterator[Leaf]:
    """All comparisons and memberships of a segmentation's rules, or of its guards."""
    rules = segmentation.guards if isinstance(segmentation, Bands) else segmentation
    for found in () if rules is None else rules.leaves:
        yield from found


def refers_to(segmentation: Segmentation) -> frozenset[str]:
    """Names whose words a segmentation asks for: other segmentations, and features with words."""
    return frozenset(leaf.segmentation for leaf in leaves_of(segmentation) if isinstance(leaf, Member))
