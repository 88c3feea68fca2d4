"""From a path and the name of a format to a source of events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from schemas.errors import UserError
from streamer.shop.jsonl import JsonLines
from streamer.shop.online_retail import OnlineRetail
from streamer.shop.source import Source

FORMATS: dict[str, Callable[[Path], Source]] = {"online-retail": OnlineRetail, "jsonl": JsonLines}


def open_source(path: Path | str, format: str) -> Source:
    """The file at ``path`` as a source. Nothing is read yet.

    Raises
    ------
    UserError
        No such file, or no such format.
    """
    reader = FORMATS.get(format)
    if reader is None:
        raise UserError(f"unknown format {format!r}", f"choose one of: {', '.join(sorted(FORMATS))}")
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {what}", "give the path of a file")
    return reader(path)
