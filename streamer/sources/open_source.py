"""Open a source of events from a path and the name of a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.messages import Language
from models.messages.translatable import translatable
from schemas.errors import UserError
from schemas.ids import NOBODY
from streamer.sources.jsonl import JsonLines
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import TableMapping, load_mapping, shipped
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.rejects import RejectsPath
from streamer.sources.source import FileSource

FORMATS: dict[str, Callable[[Path], FileSource]] = {"online-retail": OnlineRetail, "jsonl": JsonLines}
"""Formats that need no mapping."""

MAPPED = ("csv", "xlsx", "jsonl")
"""Formats that a mapping can read."""


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """Options of a mapped file; see ``MappedFile``.

    ``mapping`` is a path or the name of a shipped mapping. Rejected rows are written to a file if ``kept``.
    """

    mapping: str | TableMapping
    zone: str = "UTC"
    currency: str = "EUR"
    rejects: Path | None = None
    progress: Callable[[int, float | None], None] = lambda rows, share: None
    now_ms: int | None = None
    nobody: frozenset[str] = NOBODY
    language: Language = "en"
    kept: bool = True


def open_source(path: Path | str, format: str, csv: CsvOptions | None = None) -> FileSource:
    """Open the file at ``path`` as a source. Only the first line of a CSV file is read yet.

    Raises
    ------
    UserError
        The file or format does not exist, or the mapping is invalid, missing or for another file.
    """
    if format not in FORMATS and format not in MAPPED:
        raise UserError(f"unknown format {format!r}", f"choose one of: {', '.join(sorted({*FORMATS, *MAPPED}))}")
    path = Path(path)
    if not path.is_file():
        what = "error folder" if path.is_dir() else "error no file"
        raise UserError(translatable(what, path=path), translatable("error path fix"))
    if csv is None:
        if format in FORMATS:
            return FORMATS[format](path)
        names = ", ".join(sorted(shipped()))
        raise UserError(translatable("error no mapping"), translatable("error no mapping fix", names=names))
    if format not in MAPPED:
        raise UserError(f"{format} needs no mapping", "remove --mapping, or pass --format csv")
    return MappedFile(
        path,
        load_mapping(csv.mapping) if isinstance(csv.mapping, str) else csv.mapping,
        zone=csv.zone,
        currency=csv.currency,
        rejects=RejectsPath(path, csv.rejects) if csv.kept else None,
        now_ms=csv.now_ms,
        nobody=csv.nobody,
        progress=csv.progress,
        language=csv.language,
    )
