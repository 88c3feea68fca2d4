"""``report``: report on a shop over a period, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.messages import messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common, pages
from streamer.commands.common import Json
from streamer.queries.instants import instant

if TYPE_CHECKING:
    from streamer.queries.report import Report

_DAYS = 30
"""Number of days in a report by default."""


def register(app: typer.Typer) -> None:
    app.command("report")(report)


def report(
    html: Annotated[Path | None, typer.Option("--html", help="Write the report to this HTML file.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="First day of the period (YYYY-MM-DD). Default: 30 days before the last day."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", help=("Last day of the period (YYYY-MM-DD). Default: the service's current day.")),
    ] = None,
    json: Json = False,
) -> None:
    """Report a period: segment sizes, moves and their reasons, and revenue by segment.

    The HTML page is self-contained, so you can mail it or open it on a phone.

    Example:  streamer report --html report.html
    """
    from streamer.queries.report import Log, of_service

    found = common.settings()
    texts = messages(found.language)
    with connections(found) as to, common.progress(texts("report reading", moves=0)) as on_progress:
        grid = to.policy.grid
        today = grid.day_of(max((one.clock for one in to.view.ledgers()), default=0))
        last = None if until is None else grid.day_of(instant(until, grid, "--to"))
        first = (last or today) - _DAYS + 1 if since is None else grid.day_of(instant(since, grid, "--from"))
        if last is not None and first > last:
            raise UserError(f"--from {since} is after --to {until}", "pass the earlier day to --from")
        log = Log(grid, first, last)
        answer = of_service(
            to.kafka,
            to.view,
            to.policy,
            found.currency,
            log,
            texts,
            lambda moves: on_progress(texts("report reading", moves=moves)),
        )
    if html is not None:
        days = "".join(f" {flag} {day}" for flag, day in (("--from", since), ("--to", until)) if day is not None)
        write_page(answer, html, f"streamer report{days} --html {html.name}")
    if json:
        common.print_json(answer.to_dict())
    elif html is None:
        show(answer)


def write_page(answer: Report, path: Path, command: str) -> None:
    """Write a report as a page. Raises UserError if the file cannot be written."""
    from streamer.queries.report_page import page

    texts = messages(common.settings().language)
    pages.write_page(path, page(answer, texts, command), "pass another path to --html")
    common.note(texts("report written", path=str(path)))


def show(answer: Report) -> None:
    """Print a report on a terminal."""
    from rich.table import Table

    from streamer.queries.sales import day_text

    texts, out = messages(common.settings().language), common.console()
    out.print(texts("report title", first=day_text(answer.first), last=day_text(answer.last)), markup=False)
    table = Table(box=None, pad_edge=False)
    for key in ("column segmentation", "column segment", "console column customers", "report column change"):
        table.add_column(texts(key), justify="right" if "customers" in key or "change" in key else "left")
    for one in answer.divisions:
        for row in one.rows:
            difference = row["customers"] - row["before"]
            table.add_row(
                texts.segmentation(one.name),
                row["name"],
                f"{row['customers']:,}",
                f"{difference:+,}" if difference else "0",
            )
    out.print(table)
