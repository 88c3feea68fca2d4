"""Parse instants as people and programs write them."""

from __future__ import annotations

from datetime import date
from typing import Final

from models.features.time import DayGrid
from schemas.errors import UserError
from schemas.wire_time import epoch_ms

_EPOCH: Final = date(1970, 1, 1)


def instant(text: str, grid: DayGrid, option: str) -> int:
    """Parse an instant (ms) from an RFC 3339 time or a day, which means its start in the shop's zone.

    Raises UserError that names ``option``.
    """
    try:
        if len(text) == 10:
            return grid.instant((date.fromisoformat(text) - _EPOCH).days)
        return epoch_ms(text)
    except ValueError:
        raise UserError(
            f"{option} {text} is not a date or time", "use the form 2012-06-01 or 2012-06-01T12:00:00Z"
        ) from None
