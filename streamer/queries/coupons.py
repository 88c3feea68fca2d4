"""Query coupons: the codes in a file, and the status of each pool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import UserError

if TYPE_CHECKING:
    from streamer.act.heart.state import State

LOW_SHARE: Final = 0.1
"""A pool is low if at most this share of its codes is free."""


def codes_in(path: Path) -> list[str]:
    """Return the unique codes in a file, one per line. Raises UserError that names the line."""
    from pydantic import TypeAdapter, ValidationError

    from schemas.act import Code

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "use a UTF-8 file with one code per line") from error
    check, found = TypeAdapter[str](Code).validate_python, dict[str, None]()
    for number, line in enumerate(lines, 1):
        if not (code := line.strip()):
            continue
        try:
            found[check(code)] = None
        except ValidationError:
            raise UserError(
                f"{path}, line {number} is not a coupon code",
                "write one code per line: up to 64 characters, without spaces, commas or quotes",
            ) from None
    if not found:
        raise UserError(f"{path} contains no codes", "write one code per line")
    return list(found)


def pools(state: State) -> dict[str, dict[str, Any]]:
    """Return every pool that was loaded or that a play uses, as JSON-safe values."""
    users: dict[str, list[str]] = {}
    for name, play in state.ledger.plays.items():
        rule = state.books[play.version].plays[name].coupon
        if rule is not None and rule.pool and play.status != "stopped":
            users.setdefault(rule.pool, []).append(name)
    found = state.coupons.pools()
    answer = {}
    for name in sorted({*found, *users}):
        free, given, used = found.get(name, (0, 0, 0))
        low = free <= LOW_SHARE * (free + given)
        answer[name] = {"free": free, "given": given, "used": used, "low": low, "plays": users.get(name, [])}
    return answer
