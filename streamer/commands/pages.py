"""Write the HTML pages that commands make in addition to their output."""

from __future__ import annotations

from pathlib import Path


def write_page(path: Path, text: str, hint: str = "choose another path") -> None:
    """Write a page. Raises UserError with the hint if that is not possible."""
    from schemas.errors import UserError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", hint) from None
