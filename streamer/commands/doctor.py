"""``doctor``: report the settings in force, the servers found, what is wrong, and how to fix it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from models.messages import messages
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.queries.findings import Finding


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(json: Json = False) -> None:
    """Check the installation, and explain how to fix what is wrong.

    Checks settings and their sources, connections, versions, clocks, topics, lag and dead letters. Exits with code 1 if
    something is wrong; notes are informational. Secrets are not shown.

    Example:  streamer doctor
    """
    from streamer.queries.examination import examine
    from streamer.queries.packages import versions

    found = common.settings()
    looked = list(examine(found))
    if json:
        common.print_json(
            {
                "settings": [asdict(one) for one in found.in_force()],
                "versions": versions(),
                "findings": [asdict(finding) for finding in looked],
            }
        )
    else:
        _print(found, looked)
    if any(finding.hint is not None and finding.wrong for finding in looked):
        raise typer.Exit(common.EXIT_ERROR)


def _print(found: Settings, looked: list[Finding]) -> None:
    from rich.table import Table

    from streamer.queries.findings import in_words
    from streamer.queries.packages import versions

    out = common.console()
    out.print("settings", style="bold")
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", no_wrap=True)
    for one in found.in_force():
        table.add_row(one.name, one.value, common.in_language(one.origin))
    out.print(table)
    out.print("versions", style="bold")
    out.print("  " + ", ".join(f"{name} {number}" for name, number in versions().items()), markup=False)
    out.print("findings", style="bold")
    for finding in looked:
        state = "ok   " if finding.hint is None else "WRONG" if finding.wrong else "note "
        subject, text, hint = in_words(finding, messages(found.language))
        out.print(f"  {state} {subject}: {text}", markup=False)
        if hint:
            out.print(f"        {hint}", markup=False)
