"""Distinguish imports of the demo's shop from imports of real customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.adapters.import_view import ImportRecord

NAME: Final = "the demo's shop"
"""Prefix of the names of the demo's imports."""


def only_demos(imports: Sequence[ImportRecord]) -> bool:
    """Return whether all imports into a service are demos."""
    return bool(imports) and all(one.name.startswith(NAME) for one in imports)
