"""Imports of the demo's shop, told from those of somebody's own customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.adapters.import_view import ImportRecord

NAME: Final = "the demo's shop"
"""How the names of the demo's imports begin."""


def only_demos(imports: Sequence[ImportRecord]) -> bool:
    """Whether demos imported into a service, and nobody else did."""
    return bool(imports) and all(one.name.startswith(NAME) for one in imports)
