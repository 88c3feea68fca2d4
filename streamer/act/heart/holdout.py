"""Draw the holdout from a hash of the customer, which needs neither state nor random numbers."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

ALL: Final = "*"
"""Represents all marketing, in place of a play and its epoch."""


def draw(name: str, customer: str) -> float:
    """Return a number from 0 to 1 (excluded) that is stable for the same play, epoch and customer.

    ``name`` is ``play@epoch``, or `ALL`.

    >>> 0 <= draw("win_back@1", "17850") < 1, draw("a@1", "17850") == draw("a@2", "17850")
    (True, False)
    """
    digest = blake2b(f"{name}/{customer}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
