"""Conditions as functions: written out as Python source once per version of the definitions, and compiled.

A condition is asked several times for every event, and a chain of closures takes five times as long. The source is made
of numbers, quoted names and operators only, all put down by ``repr``; no text of a definition is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

Values = Mapping[str, float]
Words = Mapping[str, str]
Predicate = Callable[[Values, Words], bool]
"""A condition made ready to ask: from feature values and segments by name to whether it holds."""
Chooser = Callable[[Values, Words], int]
"""Conditions made ready: which is the first that holds."""

_HEAD = "lambda values, segments: "
_OPERATORS = {">=": ">=", ">": ">", "<=": "<=", "<": "<", "=": "=="}


def comparison(feature: str, op: str, border: float) -> str:
    """The source of a comparison. What is not known (NaN) passes none."""
    value, limit = f"values[{feature!r}]", repr(border) if isfinite(border) else f"float({str(border)!r})"
    if op == "!=":
        return f"({value} == {value} and {value} != {limit})"
    return f"({value} {_OPERATORS[op]} {limit})"


def membership(segmentation: str, wanted: Sequence[str]) -> str:
    """The source of a look at another segmentation."""
    return f"(segments.get({segmentation!r}) in {set(wanted) or ()!r})"


def joined(parts: Sequence[str], by: str, empty: str) -> str:
    """Several sources joined by ``and`` or ``or``; ``empty`` where there are none."""
    return f"({f' {by} '.join(parts)})" if parts else empty


def predicate_of(source: str) -> Predicate:
    """The source of one condition as a function."""
    made: Predicate = _function(_HEAD + source, {})
    return made


def chooser_of(sources: Sequence[str]) -> Chooser:
    """Which of several conditions is the first that holds; the last one needs none."""
    steps = [f"{index} if {source} else " for index, source in enumerate(sources[:-1])]
    made: Chooser = _function(f"{_HEAD}{''.join(steps)}{len(sources) - 1}", {})
    return made


def values_of(features: Mapping[str, Callable[..., float]]) -> Callable[..., dict[str, float]]:
    """One function for several features: called with what each of them takes, it gives their values by name."""
    known = {f"feature_{index}": function for index, function in enumerate(features.values())}
    items = [f"{name!r}: {call}(customer, at, shop)" for name, call in zip(features, known, strict=True)]
    made: Callable[..., dict[str, float]] = _function(f"lambda customer, at, shop: {{{', '.join(items)}}}", known)
    return made


def _function(source: str, known: Mapping[str, Any]) -> Any:
    return eval(source, {"__builtins__": {"float": float}, **known})
