"""Compiles conditions to functions, once per version of the definitions, by writing Python source.

Every event evaluates a condition several times, and a chain of closures takes five times as long. The source consists
of numbers, quoted names and operators only, all written by ``repr``; no text of a definition is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

Values = Mapping[str, float]
Words = Mapping[str, str]
Predicate = Callable[[Values, Words], bool]
"""A compiled condition: takes feature values and segments by name, and returns whether it holds."""
Chooser = Callable[[Values, Words], int]
"""Compiled conditions: takes the same arguments, and returns the index of the first condition that holds."""

_HEAD = "lambda values, segments: "
_OPERATORS = {">=": ">=", ">": ">", "<=": "<=", "<": "<", "=": "=="}


def comparison(feature: str, op: str, border: float) -> str:
    """Return the source of a comparison. An unknown value (NaN) fails every comparison."""
    value, limit = f"values[{feature!r}]", repr(border) if isfinite(border) else f"float({str(border)!r})"
    if op == "!=":
        return f"({value} == {value} and {value} != {limit})"
    return f"({value} {_OPERATORS[op]} {limit})"


def membership(segmentation: str, wanted: Sequence[str]) -> str:
    """Return the source of a membership test in another segmentation."""
    return f"(segments.get({segmentation!r}) in {set(wanted) or ()!r})"


def joined(parts: Sequence[str], by: str, empty: str) -> str:
    """Join several sources with ``and`` or ``or``; ``empty`` is the source for no parts."""
    return f"({f' {by} '.join(parts)})" if parts else empty


def predicate_of(source: str) -> Predicate:
    """Compile the source of one condition."""
    made: Predicate = _function(_HEAD + source, {})
    return made


def chooser_of(sources: Sequence[str]) -> Chooser:
    """Compile conditions into one function that returns the index of the first that holds, or of the last if none does."""
    steps = [f"{index} if {source} else " for index, source in enumerate(sources[:-1])]
    made: Chooser = _function(f"{_HEAD}{''.join(steps)}{len(sources) - 1}", {})
    return made


def values_of(features: Mapping[str, Callable[..., float]]) -> Callable[..., dict[str, float]]:
    """Compile several features into one function: called with a feature's arguments, it returns the values by name."""
    known = {f"feature_{index}": function for index, function in enumerate(features.values())}
    items = [f"{name!r}: {call}(customer, at, shop)" for name, call in zip(features, known, strict=True)]
    made: Callable[..., dict[str, float]] = _function(f"lambda customer, at, shop: {{{', '.join(items)}}}", known)
    return made


def _function(source: str, known: Mapping[str, Any]) -> Any:
    return eval(source, {"__builtins__": {"float": float}, **known})
