"""The interface of every kind of declared segmentation. One file per kind: ``rules``, ``bands``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from models.rules.conditions import Compare, Condition, Leaf, Member, Op
from models.rules.facts import Facts
from schemas.changes import Reason


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as people see it: stable id, name, meaning."""

    id: str
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Assigns ``segment`` if ``when`` holds; None always holds (the default, last)."""

    segment: str
    when: Condition | None


Border = tuple[str, Op, float]
"""A comparison of a feature with a border."""


class Neighbours(NamedTuple):
    """The segments above and below a customer's along one feature, each with its border; None at the end.

    The feature must reach the border of ``up``, or fall below that of ``down``.
    """

    feature: str
    up: tuple[str, float] | None
    down: tuple[str, float] | None


@dataclass(frozen=True)
class Segmentation(ABC):
    """Declared segments, and the rule that assigns a customer to one of them.

    Attributes
    ----------
    dwell_days
        Minimum number of grid days a customer stays in a segment.
    provisional
        Segments for customers with too little data: no dwell keeps a customer there.
    """

    kind: ClassVar[str]

    name: str
    segments: tuple[Segment, ...]
    dwell_days: int = field(default=0, kw_only=True)
    provisional: frozenset[str] = field(default=frozenset(), kw_only=True)

    @abstractmethod
    def evaluate(self, current: str | None, now: Facts) -> str:
        """Return the segment for a customer in ``current`` (None: not assigned yet) with the facts ``now``."""

    @abstractmethod
    def reasons(self, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
        """Return the reasons of a move out of ``current``: applying their ``after`` values to ``before`` yields the
        move.

        ``before`` holds the facts before the event; None for a new customer.
        """

    @abstractmethod
    def borders(self, current: str | None) -> Iterator[Border]:
        """Yield the comparisons that may lead a customer away from ``current``, with the borders that apply there."""

    def all_borders(self, current: str | None) -> Iterator[Border]:
        """Like `borders`, including those beyond the next one."""
        return self.borders(current)

    def neighbours(self, current: str | None) -> Neighbours | None:
        """Return the segments above and below ``current``; None without an order, or if ``current`` has no position."""
        return None

    @property
    @abstractmethod
    def leaves(self) -> tuple[Leaf, ...]:
        """All comparisons and memberships in the conditions."""

    @property
    def features(self) -> frozenset[str]:
        """Names of the numeric features the conditions read."""
        return frozenset(leaf.feature for leaf in self.leaves if isinstance(leaf, Compare))

    @cached_property
    def refers_to(self) -> frozenset[str]:
        """Names of the other segmentations and the text features the conditions read."""
        return frozenset(leaf.segmentation for leaf in self.leaves if isinstance(leaf, Member))

    @property
    @abstractmethod
    def reachable(self) -> frozenset[str]:
        """Ids of the segments that a rule or band leads to."""

    @cached_property
    def ready(self) -> dict[str | None, Any]:
        """Cache for values computed once per current segment (``models.rules.due``)."""
        return {}


def known_number(values: Mapping[str, float], name: str) -> float | None:
    """Return the value, or None for NaN (no order yet), which JSON cannot represent."""
    value = values[name]
    return None if value != value else value
