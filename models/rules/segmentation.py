"""What every kind of declared segmentation is and can do. One file a kind: ``rules``, ``bands``."""

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
    """The customer is in ``segment`` if ``when`` holds; None holds always (the default, last)."""

    segment: str
    when: Condition | None


Border = tuple[str, Op, float]
"""A comparison of a feature with a border."""


class Neighbours(NamedTuple):
    """The segments above and below a customer's along one feature, each with its border; None where there is none.

    The feature must reach the border of ``up``, or fall below that of ``down``.
    """

    feature: str
    up: tuple[str, float] | None
    down: tuple[str, float] | None


@dataclass(frozen=True)
class Segmentation(ABC):
    """Declared segments, and which of them a customer is in.

    Attributes
    ----------
    dwell_days
        Grid days for which a customer stays in a segment at least.
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
        """The segment of a customer with the facts ``now`` who is in ``current`` (None: in none yet)."""

    @abstractmethod
    def reasons(self, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
        """Why a customer who was in ``current`` moves: putting their ``after`` values into ``before`` gives the move.

        ``before`` are the facts before the event; None for a new customer.
        """

    @abstractmethod
    def borders(self, current: str | None) -> Iterator[Border]:
        """The comparisons that may lead a customer away from ``current``, as they stand for that customer."""

    def all_borders(self, current: str | None) -> Iterator[Border]:
        """The same, and those further away than the next one."""
        return self.borders(current)

    def neighbours(self, current: str | None) -> Neighbours | None:
        """What lies above and below ``current``; None where segments have no order, or ``current`` no place in it."""
        return None

    @property
    @abstractmethod
    def leaves(self) -> tuple[Leaf, ...]:
        """All comparisons and memberships in its conditions."""

    @property
    def features(self) -> frozenset[str]:
        """Names of the features whose numbers it asks for."""
        return frozenset(leaf.feature for leaf in self.leaves if isinstance(leaf, Compare))

    @cached_property
    def refers_to(self) -> frozenset[str]:
        """Names whose words it asks for: other segmentations, and features with words."""
        return frozenset(leaf.segmentation for leaf in self.leaves if isinstance(leaf, Member))

    @property
    @abstractmethod
    def reachable(self) -> frozenset[str]:
        """Ids of the segments that something leads to."""

    @cached_property
    def ready(self) -> dict[str | None, Any]:
        """A place for what is worked out once per current segment (``models.rules.due``)."""
        return {}


def known_number(values: Mapping[str, float], name: str) -> float | None:
    """The value; None for NaN (no order yet), which has no place in JSON."""
    value = values[name]
    return None if value != value else value
