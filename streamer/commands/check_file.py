"""Prepare an ``import``: detect the format, check the whole file, show the result, and ask."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.pages import write_page

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.imports.checked import Checked
    from streamer.sources.proposal import Proposal
    from streamer.sources.source import FileSource

Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help=("Read the whole file and compare its totals with an independent count, without importing anything."),
    ),
]
Html = Annotated[Path | None, typer.Option("--html", help="Path of an HTML page to write the result of the check to.")]
SaveMapping = Annotated[Path | None, typer.Option("--save-mapping", help="Path of a file to save the mapping to.")]

Undo = Annotated[bool, typer.Option("--undo", help="Undo an earlier import of this file by taking back its orders.")]


def look_first(
    source: FileSource,
    found: Settings,
    file: Path,
    mapping: str | None,
    proposal: Proposal | None,
    *,
    check: bool,
    html: Path | None,
    json: bool,
    yes: bool,
) -> None:
    """Check a file before the import, if requested or if its mapping is a proposal, and ask.

    Raises
    ------
    typer.Exit
        Nothing is to be imported: only a check was requested (status 1 if its totals differ, or nothing would be applied),
        or the answer was no.
    """
    proposed = proposal is not None and proposal.mapping is not None
    if not (check or html is not None or proposed):
        return
    checked = check_file(source, found, file, mapping, html=html, json=json and check, beside=json and not check)
    if check:
        raise typer.Exit(0 if checked.agrees and checked.fates["applied"] else 1)
    if proposal is not None and proposed and not yes:
        confirm(proposal, file, messages(found.language))


def check_file(
    source: FileSource,
    found: Settings,
    file: Path,
    mapping: str | None,
    *,
    html: Path | None,
    json: bool,
    beside: bool = False,
) -> Checked:
    """Check a file and show the findings, ``beside`` the JSON of a following import. ``html`` is the page's path."""
    from dataclasses import replace

    from streamer.commands.files import print_rejects
    from streamer.imports.check import check
    from streamer.imports.check_page import page
    from streamer.imports.check_report import report, to_dict

    texts = messages(found.language)
    # Old data is judged by its own time, as in a replay.
    policy = replace(found.policy(lanes=1), label_backfill=False, wall=False)
    checked = check(source, policy, time.time_ns() // 1_000_000)
    print_rejects(source, texts)
    if json:
        common.print_json(to_dict(checked))
    else:
        out = common.errors() if beside else common.console()
        for line in report(checked, found.currency, texts):
            out.print(line)
    if html is not None:
        command = _command(file, mapping)
        write_page(html, page(checked, file.name, found.currency, texts, command), "pass another path to --html")
        common.note(texts("check page written", path=str(html)))
    return checked


def confirm(proposal: Proposal, file: Path, texts: Messages) -> None:
    """Ask whether to import with the proposed mapping. Without a terminal, print how to continue, and exit."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        if typer.confirm(texts("proposal ask"), err=True):
            return
    elif proposal.mapping is not None and proposal.shipped is None:
        common.errors().print(proposal.mapping)
    common.note(texts("proposal go on", command=_command(file, proposal.shipped)))
    raise typer.Exit(1)


def undone(source: FileSource, file: Path, texts: Messages, *, yes: bool) -> FileSource:
    """Return the source that undoes a file's orders, after confirmation. Raises typer.Exit if it is denied."""
    from streamer.sources.undone import Undone

    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            common.note(texts("undo go on", file=str(file)))
            raise typer.Exit(1)
        typer.confirm(texts("undo ask", file=str(file)), abort=True, err=True)
    return Undone(source)


def save(proposal: Proposal | None, mapping: str | None, path: Path) -> None:
    """Save the mapping in use. Never overwrites another file. Raises UserError."""
    from streamer.sources.mapping import shipped

    text = proposal.mapping if proposal is not None else None
    if mapping is not None:
        text = Path(mapping).read_text(encoding="utf-8-sig") if Path(mapping).is_file() else shipped().get(mapping)
    if text is None:
        raise UserError("no mapping to save", "this format does not use a mapping")
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}", "pass another path to --save-mapping"
        ) from None
    common.note(messages(common.settings().language)("proposal saved", path=str(path)))


def _command(file: Path, mapping: str | None) -> str:
    chosen = f" --mapping {shlex.quote(mapping)}" if mapping is not None else ""
    return f"streamer import {shlex.quote(str(file))}{chosen}"
