"""Recognise files that are not tables by their first bytes, so that the error can name their type."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.messages.translatable import translatable
from schemas.errors import UserError

_BEGINNINGS: Final = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"\x1f\x8b", "packed twice"),
    (b"Rar!", "zip"),
    (b"7z\xbc\xaf", "zip"),
    (b"<", "markup"),
    (b"SQLite format 3", "database"),
    (b"PAR1", "database"),
)


def refuse_strange(path: Path, head: bytes) -> None:
    """Raise UserError if a file that begins with ``head`` is empty or certainly not a table."""
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not bare:
        raise UserError(translatable("error empty", path=path), translatable("error table fix"))
    for beginning, kind in _BEGINNINGS:
        if bare.startswith(beginning):
            raise strange_file(path, kind)


def strange_file(path: Path, kind: str) -> UserError:
    """Return the error for a type of file that is not a table."""
    return UserError(
        translatable("error no table", path=path, kind=translatable(f"kind {kind}")),
        translatable("error unpack fix" if kind in ("zip", "packed twice") else "error table fix"),
    )
