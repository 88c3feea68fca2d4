"""Conditions over named features and segments, with a border to enter and one to stay."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from models.rules import compiling
from models.rules.compiling import Predicate

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
        """The source text that ``compiling`` expects."""
        return compiling.membership(self.segmentation, sorted(self.segments))


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """The source text that ``compiling`` expects."""
        return compiling.joined([part.source(held) for part in self.parts], "and", "True")


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """The source text that ``compiling`` expects."""
        return compiling.joined([part.source(held) for part in self.parts], "or", "False")


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition

    def source(self, held: bool) -> str:
        """The source text that ``compiling`` expects."""
        return f"(not {self.part.source(held)})"


Leaf = Compare | Member
Condition = Compare | Member | Every | Some | Negation


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The comparisons and memberships in a condition, left to right."""
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
