"""Conditions over named features and segments, with an enter and an exit border."""

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
    """``feature op enter``; for a customer already in the rule's segment the border is ``exit`` instead."""

    feature: str
    op: Op
    enter: float
    exit: float

    def source(self, held: bool) -> str:
        """The Python source for ``compiling``; ``held`` if the customer is in the rule's segment."""
        return compiling.comparison(self.feature, self.op, self.exit if held else self.enter)


@dataclass(frozen=True, slots=True)
class Member:
    """The customer's segment in another segmentation is one of ``segments``."""

    segmentation: str
    segments: frozenset[str]

    def source(self, held: bool) -> str:
        """The Python source for ``compiling``."""
        return compiling.membership(self.segmentation, sorted(self.segments))


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """The Python source for ``compiling``."""
        return compiling.joined([part.source(held) for part in self.parts], "and", "True")


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """The Python source for ``compiling``."""
        return compiling.joined([part.source(held) for part in self.parts], "or", "False")


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition

    def source(self, held: bool) -> str:
        """The Python source for ``compiling``."""
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
    # An unknown value (NaN) fails every comparison, including this one.
    "!=": lambda value, border: value == value and value != border,
}


def predicate(condition: Condition, held: bool) -> Predicate:
    """Compile a condition, with exit borders for customers in the rule's segment (``held``)."""
    return compiling.predicate_of(condition.source(held))
