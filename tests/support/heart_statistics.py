"""Compare two customers' statistics: every field, with floats equal up to rounding."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.customer.statistics import Statistics


def assert_same(found: Statistics, wanted: Statistics, *, rel: float = 1e-9, abs: float = 1e-6) -> None:
    """Assert that counts and instants are equal, and decayed sums and categories nearly so; a missing category is zero."""
    for name in Statistics.__struct_fields__:
        mine, other = getattr(found, name), getattr(wanted, name)
        if isinstance(mine, dict):
            nothing = [0.0, 0.0]
            for key in mine.keys() | other.keys():
                near = pytest.approx(other.get(key, nothing), rel=rel, abs=abs)
                assert mine.get(key, nothing) == near, (name, key)
        else:
            assert mine == (pytest.approx(other, rel=rel, abs=abs) if isinstance(mine, float) else other), name


def plain(statistics: Statistics) -> dict[str, Any]:
    """Return all fields by name."""
    return msgspec.structs.asdict(statistics)
