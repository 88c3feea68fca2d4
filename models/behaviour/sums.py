"""The one way in which floats that are published or decided upon are added up."""

from __future__ import annotations

from collections.abc import Iterable


def plain_sum(values: Iterable[float]) -> float:
    """Add from left to right, rounding after each addition.

    The built-in ``sum`` does so up to Python 3.11 and compensates its rounding errors from 3.12 on, so the last digit of
    a published number would depend on the Python that runs the lane. This gives what 3.11 gives, on every Python.

    >>> plain_sum([1e16, 1.0, -1e16])
    0.0
    """
    total = 0.0
    for value in values:
        total += value
    return total
