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
    """Holds if ``feature op enter``, or ``feature op exit`` for a customer already in the rule's segment."""

    feature: str
    op: Op
    enter: float
    exit: float

    def source(self, held: bool) -> str:
        """Return the Python source for ``compiling``; ``held`` means that the customer is in the rule's segment."""
        return compiling.comparison(self.feature, self.op, self.exit if held else self.enter)


@dataclass(frozen=True, slots=True)
class Member:
    """Holds if the customer's segment in another segmentation is one of ``segments``."""

    segmentation: str
    segments: frozenset[str]

    def source(self, held: bool) -> str:
        """Return the Python source for ``compiling``."""
        return compiling.membership(self.segmentation, sorted(self.segments))


@dataclass(frozen=True, slots=True)
class Every:
    """Holds if all parts hold."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """Return the Python source for ``compiling``."""
        return compiling.joined([part.source(held) for part in self.parts], "and", "True")


@dataclass(frozen=True, slots=True)
class Some:
    """Holds if at least one part holds."""

    parts: tuple[Condition, ...]

    def source(self, held: bool) -> str:
        """Return the Python source for ``compiling``."""
        return compiling.joined([part.source(held) for part in self.parts], "or", "False")


@dataclass(frozen=True, slots=True)
class Negation:
    """Holds if its part does not."""

    part: Condition

    def source(self, held: bool) -> str:
        """Return the Python source for ``compiling``."""
        return f"(not {self.part.source(held)})"


Leaf = Compare | Member
Condition = Compare | Member | Every | Some | Negation


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Yield the comparisons and memberships in a condition, left to right."""
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
