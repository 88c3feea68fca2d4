"""Declared segmentations: ordered rules and bands over named features, with enter and exit borders."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from models.rules import compiling
from models.rules.compiling import Chooser, Predicate

Op = Literal[">=", ">", "<=", "<", "=", "!="]


@dataclass(frozen=True, slots=True)
class Compare:
    """``feature op enter``; while the customer is in the rule's own segment the border is ``exit`` instead."""

    feature: str
    op: Op
    enter: float
    exit: float

    def source(self, held: bool) -> str:
        """As ``compiling`` wants it; ``held`` where the customer is in the rule's segment."""
        return compiling.comparison(self.feature, self.op, self.exit if held else self.enter)


@dataclass(frozen=True, slots=True)
class Member:
    """The customer's segment in another segmentation is one of ``segments``."""

    segmentation: str
    segments: frozenset[str]

    def source(self, held: bool) -> str:
        """As ``compiling`` wants it."""
        return compiling.membership(self.segmentation, sorted(self.segments))


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """As ``compiling`` wants it."""
        return compiling.joined([part.source(held) for part in self.parts], "and", "True")


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """As ``compiling`` wants it."""
        return compiling.joined([part.source(held) for part in self.parts], "or", "False")


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition

    def source(self, held: bool) -> str:
        """As ``compiling`` wants it."""
        return f"(not {self.part.source(held)})"


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
    return compiling.predicate_of(condition.source(held))


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
        """A place for what is worked out once per current segment (``models.rules.due``)."""
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
    def choosers(self) -> dict[str | None, Chooser]:
        """Which rule is the first that holds, by the customer's current segment; use `chooser`."""
        return {}

    def chooser(self, current: str | None) -> Chooser:
        """Which rule is the first that holds for a customer whose segment is ``current``, made once."""
        found = self.choosers.get(current)
        if found is None:
            sources = [rule.when.source(rule.segment == current) if rule.when else "True" for rule in self.rules]
            found = self.choosers[current] = compiling.chooser_of(sources)
        return found


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
        """A place for what is worked out once per current segment (``models.rules.due``)."""
        return {}

    @cached_property
    def index(self) -> dict[str | None, int]:
        """The place of each band by its segment, lowest first."""
        return {band.segment: place for place, band in reversed(list(enumerate(self.bands)))}


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
    def ready(self) -> dict[str, Any]:
        """A place for what is worked out once (``models.rules.evaluate``)."""
        return {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of all features with words that some rule asks for, sorted."""
        found = {name for segmentation in self.segmentations for name in refers_to(segmentation)}
        return tuple(sorted(found.difference(self.kinds, CLUSTERS)))

    @cached_property
    def asked_words(self) -> frozenset[str]:
        """Names of which some rule asks for a word, and not only whether there is one."""
        return frozenset(
            leaf.segmentation
            for segmentation in self.segmentations
            for leaf in leaves_of(segmentation)
            if isinstance(leaf, Member) and any(leaf.segments)
        )

    def asked_by(self, names: frozenset[str]) -> tuple[Segmentation, ...]:
        """The named segmentations and those that their rules refer to, be it through others; in their order."""
        known: dict[frozenset[str], tuple[Segmentation, ...]] = self.ready.setdefault("asked", {})
        found = known.get(names)
        if found is None:
            asked = set(names)
            for segmentation in reversed(self.segmentations):
                if segmentation.name in asked:
                    asked |= refers_to(segmentation)
            found = known[names] = tuple(one for one in self.segmentations if one.name in asked)
        return found

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
