"""Select the shops and seeds for the commands of ``evaluate``."""

from __future__ import annotations

from collections.abc import Sequence

ALL = ("stationary", "hard", "shock", "new-archetype", "holidays", "lifelike", "bots")
ORDERS = (
    *("weekly-same", "monthly-same", "alike", "weekly", "monthly", "mixture", "b2b", "saturday", "season"),
    *("one-price", "small"),
)


def names_of(scenarios: Sequence[str]) -> list[str]:
    return [name for one in scenarios for name in (ORDERS if one == "orders" else (one,))]


def numbers_of(text: str) -> tuple[int, ...]:
    from schemas.errors import UserError

    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"--seeds {text} is not a list of numbers", "separate whole numbers with commas, for example 7,8"
        ) from None
    if min(found) < 0:
        raise UserError("seeds must not be negative", "separate whole numbers with commas, for example 7,8")
    return found
