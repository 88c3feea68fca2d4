"""Define ``coupon`` of a play: the pool its messages take codes from, or how to generate the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MADE: Final = re.compile(r"[A-Za-z0-9_-]{0,32}\{code\}[A-Za-z0-9_-]{0,32}")
_POOL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
COUPON_KEYS: Final = ("pool", "made", "valid")


@dataclass(frozen=True, slots=True)
class CouponRule:
    """Either a pool or a pattern containing ``{code}``. ``valid`` is in ms, 0 for no end."""

    pool: str = ""
    made: str = ""
    valid: int = 0


def pool_name(text: str) -> str:
    """Validate the name of a pool. Raises ValueError."""
    if not _POOL.fullmatch(text):
        raise ValueError("a name of letters, digits, _ and -, for example back10")
    return text


def made_pattern(text: str) -> str:
    """Validate the pattern of generated codes. Raises ValueError.

    >>> made_pattern("BACK-{code}")
    'BACK-{code}'
    """
    if not _MADE.fullmatch(text):
        raise ValueError("letters, digits, _ and - around {code}, for example BACK-{code}")
    return text
