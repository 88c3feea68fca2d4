"""Summation for floats that are published or compared."""

from __future__ import annotations

from collections.abc import Iterable


def plain_sum(values: Iterable[float]) -> float:
    """Add from left to right, rounding after each addition.

    The built-in ``sum`` does so up to Python 3.11 and compensates rounding errors from 3.12 on, so the last digit of a
    published number would depend on the Python version of the lane. This function returns the 3.11 result everywhere.

    >>> plain_sum([1e16, 1.0, -1e16])
    0.0
    """
    total = 0.0
    for value in values:
        total += value
    return total
