"""Detect the format and mapping of files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from models.messages import messages
from models.messages.translatable import translatable
from schemas.errors import UserError
from schemas.ids import nobody_of
from streamer.commands import common
from streamer.commands.files import reading_progress, settings_for

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.sources.mapping import TableMapping
    from streamer.sources.proposal import Proposal
    from streamer.sources.source import FileSource


def recognised(
    file: Path, format: str | None, mapping: str | None
) -> tuple[str, str | TableMapping | None, Proposal | None]:
    """Return the format and mapping of a file, detecting what is not given.

    Raises
    ------
    UserError
        There is no such file, or no mapping can be proposed.
    """
    from streamer.sources.mapping import read_mapping
    from streamer.sources.proposal import propose

    if mapping is not None:
        return format or _format_of(file), mapping, None
    if format in ("jsonl", "online-retail"):
        return format, None, None
    if not file.is_file():
        raise UserError(
            translatable("error folder" if file.is_dir() else "error no file", path=file),
            translatable("error path fix"),
        )
    found = propose(file)
    texts = messages(common.settings().language)
    if found.mapping is None:
        common.note(texts("proposal format", file=str(file), format=found.format))
        return found.format, None, found
    if found.shipped is not None:
        common.note(texts("proposal shipped", file=str(file), name=found.shipped))
    else:
        common.note(texts("proposal made", file=str(file)))
    for field, column in found.fields:
        common.note(texts("proposal field", field=field, column=column))
    return found.format, read_mapping(found.mapping, "the proposal"), found


def _format_of(file: Path) -> str:
    """Return the format of a file with a mapping. The reader detects which of the three it is."""
    names = {".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
    return names.get(Path(file.name.removesuffix(".gz")).suffix.lower(), "csv")


def data_of(
    data: Path, format: str | None, mapping: str | None, on_progress: Callable[[str], None]
) -> tuple[FileSource, Settings]:
    """Return the source of a file to evaluate, read as `import` would, and its settings. Writes no rejects file.

    Raises UserError.
    """
    from streamer.sources.open_source import CsvOptions, open_source

    kind, mapped, _ = recognised(data, format, mapping)
    found = settings_for(kind)
    if mapped is None:
        return open_source(data, kind), found
    progress = reading_progress(on_progress, messages(found.language))
    now_ms, nobody = time.time_ns() // 1_000_000, nobody_of(found.nobody)
    options = CsvOptions(
        mapped, found.timezone, found.currency, None, progress, now_ms, nobody, found.language, kept=False
    )
    return open_source(data, kind, options), found
