"""Read events from files and write results to files, for commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from models.messages import Messages, messages
from models.messages.translatable import in_language
from schemas.errors import UserError
from schemas.ids import nobody_of
from schemas.screen_text import json_text
from streamer.client.connections import is_default
from streamer.commands import common
from streamer.config.settings import Settings
from streamer.config.settings_sources import DEFAULT, variable

if TYPE_CHECKING:
    from streamer.sources.mapping import TableMapping
    from streamer.sources.source import FileSource, Source

Format = Annotated[
    Literal["csv", "xlsx", "jsonl", "online-retail"] | None,
    typer.Option(
        "--format",
        help="File format: csv or xlsx (any table), jsonl (one event per line, or any records with --mapping) or "
        "online-retail (the UCI data set). The file may be gzipped. Default: detected automatically.",
    ),
]
Mapped = Annotated[
    str | None,
    typer.Option(
        "--mapping",
        help="Path of a mapping file (docs/import-csv.md), or the name of a built-in mapping (shopify, "
        "woocommerce ...). Default: suggested from the column names.",
    ),
]
RejectsFile = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        help=(
            "Path of the file to write rejected rows to, with line numbers and reasons. Default: "
            "FILE.rejects.csv beside the file, numbered if it exists."
        ),
    ),
]
ChangesFile = Annotated[
    Path | None, typer.Option("--changes", help="Write the resulting changes to this file as JSON Lines.")
]
MembershipsFile = Annotated[
    Path | None,
    typer.Option("--memberships", help="Write every customer's final segments to this file as JSON Lines."),
]

ReportFile = Annotated[
    Path | None,
    typer.Option(help="Write a report on segments, moves and their reasons to this HTML file."),
]

_OF_FORMAT: Final[Mapping[str, Mapping[str, str]]] = {"online-retail": {"currency": "GBP", "timezone": "Europe/London"}}
"""Known properties of a format: the currency of its amounts and the time zone of its times."""


def settings_for(format: str, given: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings in force, with the currency and time zone of a file's format as defaults.

    Raises
    ------
    UserError
        The shop has another currency and no rate for the file's.
    """
    found = common.settings(given)
    known = _OF_FORMAT.get(format, {})
    origins = {one.name: one.origin for one in found.in_force()}
    missing = {name: value for name, value in known.items() if origins[variable(name)] == DEFAULT}
    # A rate for the file's currency shows that the shop's own currency was set on purpose.
    if known.get("currency") in found.rates:
        missing.pop("currency", None)
    if missing:
        found = common.settings({**(given or {}), **missing})
        named = ", ".join(f"{variable(name)}={value}" for name, value in missing.items())
        common.note(f"settings taken from the file: {named}")
    currency = known.get("currency", found.currency)
    if currency != found.currency and currency not in found.rates:
        raise UserError(
            f"the amounts in this file are in {currency}, but the shop's currency is {found.currency}",
            f"if {currency} is the shop's currency, set STREAMER_CURRENCY={currency}; otherwise set "
            f"STREAMER_RATES={currency}=RATE, the value of one {currency} in {found.currency}",
        )
    return found


def source_of(
    file: Path,
    format: str,
    found: Settings,
    mapping: str | TableMapping | None,
    rejects: Path | None,
    on_progress: Callable[[str], None],
) -> FileSource:
    """Return the file as a source. ``on_progress`` is called while a CSV file is read.

    Raises UserError if the file or the mapping is invalid, or they do not match.
    """
    from streamer.sources.open_source import CsvOptions, open_source

    if mapping is None and rejects is None:
        return open_source(file, format)
    if mapping is None or format == "online-retail":
        raise UserError("--mapping and --rejects need --format csv, xlsx or jsonl", "pass --mapping FILE.toml")
    progress = reading_progress(on_progress, messages(found.language))
    now_ms = time.time_ns() // 1_000_000
    nobody = nobody_of(found.nobody)
    options = CsvOptions(mapping, found.timezone, found.currency, rejects, progress, now_ms, nobody, found.language)
    return open_source(file, format, options)


def reading_progress(on_progress: Callable[[str], None], texts: Messages) -> Callable[[int, float | None], None]:
    """Return a function that reports, once a second, the rows read, the speed and the time left."""
    begun = printed_at = time.monotonic()

    def progress(rows: int, share: float | None) -> None:
        nonlocal printed_at
        now = time.monotonic()
        if now - printed_at < 1.0:
            return
        printed_at = now
        left = texts("file time left", seconds=(now - begun) * (1 - share) / share) if share else ""
        on_progress(texts("file rows read", rows=rows, speed=rows / (now - begun), left=left))

    return progress


def check_currencies(
    source: Source, found: Settings, on_progress: Callable[[str], None], *, all_the_same: bool
) -> None:
    """Report amounts in currencies without a rate before anything is written.

    Raises
    ------
    UserError
        None of the first amounts has an exchange rate, and ``all_the_same`` is false.
    """
    from streamer.sources.currencies import currencies

    amounts = currencies(source)
    strange = {code: count for code, count in amounts.most_common() if code not in (found.currency, *found.rates)}
    if not strange:
        return
    named, most = " and ".join(strange), next(iter(strange))
    held, looked_at = sum(strange.values()), amounts.total()
    all_of_them = held == looked_at
    if looked_at == 1:
        those = "the first amount is"
    elif all_of_them:
        those = f"all of the first {looked_at:,} amounts are"
    else:
        those = f"{held:,} of the first {looked_at:,} amounts {'is' if held == 1 else 'are'}"
    text = (
        f"{those} in {named}, but the shop's currency is {found.currency}, and no rate is known: such orders become dead "
        "letters (unknown_currency)"
    )
    rate = f"a rate for each (STREAMER_RATES={most}=RATE, what one {most} is worth in {found.currency})"
    if not all_of_them:
        on_progress(f"{text}; to fix that, set {rate}")
    elif all_the_same:
        on_progress(text)
    else:
        raise UserError(
            text,
            (
                f"if {most} is the shop's currency, set STREAMER_CURRENCY={most}; otherwise set {rate}. Pass "
                "--yes to import the file anyway"
            ),
        )


def check_workers_currency(format: str, in_force: Settings) -> None:
    """Raise UserError if the currency is known only from the file, and running workers use another.

    ``in_force`` are the settings before those of the file's format were added.
    """
    currency = _OF_FORMAT.get(format, {}).get("currency", in_force.currency)
    if is_default(in_force, "currency") and currency not in (in_force.currency, *in_force.rates):
        raise UserError(
            f"the amounts in this file are in {currency}, but workers already run, probably with {in_force.currency}",
            f"set STREAMER_CURRENCY={currency} here and for the workers, then restart the workers",
        )


def print_rejects(source: Source, texts: Messages) -> None:
    """Report where rejected rows were written, if there are any."""
    from streamer.sources.mapped_file import MappedFile

    for note in getattr(source, "notes", ()):
        common.note(str(in_language(note, texts)))
    if isinstance(source, MappedFile) and source.rejected and source.rejects is not None:
        common.note(texts("file rejects", rows=source.rejected, path=str(source.rejects.path)))


@contextmanager
def lines_to(path: Path | None, *, as_it_is: bool = False) -> Generator[Callable[[bytes], None] | None]:
    """Yield a function that writes a line of JSON to the file, or None without a path. Raises UserError.

    Characters that could control a terminal are escaped unless ``as_it_is`` is true.
    """
    if path is None:
        yield None
        return
    try:
        stream = path.open("wb")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", "choose another path") from None
    with stream:

        def write(line: bytes) -> None:
            stream.write(line if as_it_is else json_text(line.decode()).encode())
            stream.write(b"\n")

        yield write
