"""From a path and the name of a format to a source of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UserError
from streamer.shop.csv_file import CsvFile
from streamer.shop.csv_mapping import load_mapping, shipped
from streamer.shop.jsonl import JsonLines
from streamer.shop.online_retail import OnlineRetail
from streamer.shop.source import Source

FORMATS: dict[str, Callable[[Path], Source]] = {"online-retail": OnlineRetail, "jsonl": JsonLines}
"""Formats that need no mapping; ``csv`` is beside them."""


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """What a CSV file needs beside its path; see ``CsvFile``. ``mapping`` is a path or the name of a shipped one."""

    mapping: str
    zone: str = "UTC"
    currency: str = "EUR"
    rejects: Path | None = None
    progress: Callable[[int], None] = lambda rows: None


def open_source(path: Path | str, format: str, csv: CsvOptions | None = None) -> Source:
    """The file at ``path`` as a source. Nothing is read yet but the first line of a CSV file.

    Raises
    ------
    UserError
        No such file, no such format, or a mapping that is wrong, missing, or not this file's.
    """
    reader = FORMATS.get(format)
    if reader is None and format != "csv":
        raise UserError(f"unknown format {format!r}", f"choose one of: {', '.join(sorted([*FORMATS, 'csv']))}")
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {what}", "give the path of a file")
    if reader is not None:
        if csv is not None:
            raise UserError(f"{format} needs no mapping", "leave out --mapping, or say --format csv")
        return reader(path)
    if csv is None:
        names = " or ".join(sorted(shipped()))
        raise UserError("what the columns mean is not said", f"give --mapping FILE.toml, or one of ours: {names}")
    return CsvFile(
        path,
        load_mapping(csv.mapping),
        zone=csv.zone,
        currency=csv.currency,
        rejects=csv.rejects,
        progress=csv.progress,
    )
