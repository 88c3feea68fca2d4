"""``segments members`` and ``segments who``: list customers, for people, spreadsheets and programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import TransientError, UserError
from schemas.screen_text import harmless_cell
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.completion import segment_ids
from streamer.config.settings import Settings

if TYPE_CHECKING:
    from models.customer.customer import Customer
    from streamer.client.connections import Connections
    from streamer.client.members import Row
    from streamer.queries.members import Member

Csv = Annotated[bool, typer.Option("--csv", help="Print the result as CSV.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Maximum number of customers to list.")]


def register(segments: typer.Typer) -> None:
    segments.command("members")(members)
    segments.command("who")(who)


def members(
    segment: Annotated[
        list[str],
        typer.Argument(
            metavar="SEGMENT...",
            help="Segments to list, as SEGMENT or SEGMENTATION/SEGMENT.",
            autocompletion=segment_ids,
        ),
    ],
    since: Annotated[
        str | None, typer.Option(help="List only customers who entered on or after this date (YYYY-MM-DD).")
    ] = None,
    limit: Limit = None,
    csv: Csv = False,
    json: Json = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="URL of a web process to query instead of Redis, with the token in STREAMER_WEB_TOKEN. Default: "
            "STREAMER_WEB_URL."
        ),
    ] = None,
) -> None:
    """List the customers of a segment, with entry date, last order, and next move if no events arrive.

    Queries the web process of this folder if it is running, otherwise Redis. Both return the same list.

    Example:  streamer segments members at_risk --csv > at-risk.csv
    """
    from streamer.queries.instants import instant

    found = common.settings({"web_url": url})
    if since is not None:
        instant(since, found.policy().grid, "--since")
    if found.web_url:
        write_rows(_from_afar(found, segment, since, limit), csv=csv, json=json)
        return
    with connections(found) as to:
        listed = _nearby(to, segment, since, limit)
        write_rows(_from_redis(to, segment, since, limit) if listed is None else listed, csv=csv, json=json)


def _from_afar(found: Settings, segments: Sequence[str], since: str | None, limit: int | None) -> Sequence[Row]:
    from streamer.client import members
    from streamer.queries.members import FILE_COLUMNS

    if found.web_token is None:
        raise UserError(
            f"{found.web_url} needs a token",
            "set STREAMER_WEB_TOKEN; create a token on that machine with `streamer tokens create NAME --may export`",
        )
    token = found.web_token.get_secret_value()
    return members.members(found.web_url, token, segments, since, limit, FILE_COLUMNS)


def _nearby(to: Connections, segments: Sequence[str], since: str | None, limit: int | None) -> Sequence[Row] | None:
    """Return the list from the web process of this home, or None if none serves these servers or it cannot answer."""
    from streamer.client import home_pass, members, presence
    from streamer.queries.members import FILE_COLUMNS

    home = to.settings.home
    url = presence.url_for(home, to.service)
    if url is None:
        return None
    try:
        return members.members(url, home_pass.make(home), segments, since, limit, FILE_COLUMNS, nearby=True)
    except members.Refused as error:
        if error.status == 400:
            # Redis would give the same error.
            raise
        why = error.message
    except (TransientError, OSError) as error:
        why = str(error)
    common.note(f"the web process cannot provide the list, so Redis is read instead: {why}")
    return None


def _from_redis(to: Connections, segments: Sequence[str], since: str | None, limit: int | None) -> Iterable[Row]:
    from streamer.adapters.redis_reader import totals
    from streamer.queries.instants import instant
    from streamer.queries.members import check_names, row
    from streamer.queries.members import members as found

    policy = to.policy
    check_names(segments, policy.definitions, totals(to.view.ledgers()).segments)
    entered = None if since is None else instant(since, policy.grid, "--since")
    listed = found(to.view, policy.definitions, policy.shop, policy.grid, segments, entered)
    return map(row, islice(listed, limit))


def who(
    condition: Annotated[str, typer.Argument(metavar="CONDITION", help="Condition, in the syntax of segment rules.")],
    limit: Limit = None,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """List the customers who currently meet a condition. Activates nothing.

    Example:  streamer segments who 'orders >= 2 and recency_days >= 60' --csv
    """
    from streamer.queries.members import matching

    with connections() as to:
        ledgers = to.view.ledgers()
        clocks = {ledger.partition: ledger for ledger in ledgers}

        def clock(customer: Customer) -> int:
            from schemas.partition import partition_for

            ledger = clocks.get(partition_for(customer.id.encode(), to.lanes))
            now = 0 if ledger is None else ledger.clock_of(customer.clock_id)
            return max(customer.as_of, now)

        newest = to.view.definitions()
        text = None if newest is None else newest[1]
        try:
            write(islice(matching(to.view, text, condition, to.policy.shop, clock), limit), csv=csv, json=json)
        except UserError as error:
            raise UserError(error.message, "see docs/segmentations.md for the syntax and all features") from None


def write(found: Iterable[Member], *, csv: bool, json: bool, columns: Sequence[str] | None = None) -> None:
    """Print customers as a table, CSV or JSON. All columns by default, but predictions are omitted from a table."""
    from streamer.queries.members import row

    write_rows(map(row, found), csv=csv, json=json, columns=columns)


def write_rows(found: Iterable[Row], *, csv: bool, json: bool, columns: Sequence[str] | None = None) -> None:
    """Print customers like `write`, from the values of each customer by column."""
    from streamer.queries.members import COLUMNS, FILE_COLUMNS

    columns = columns or (FILE_COLUMNS if csv or json else COLUMNS)
    rows = ({name: value for name, value in one.items() if name in columns} for one in found)
    if json:
        common.print_json(list(rows))
    elif csv:
        _write_csv(columns, rows)
    else:
        _write_table(columns, rows)


def _write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([harmless_cell(row[name] or "") for name in columns])


def _write_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=name != "name")
    for row in rows:
        table.add_row(*(_short(row[name]) for name in columns))
    common.console().print(table)


def _short(value: str | None) -> str:
    text = "" if value is None else value
    return text[:16].replace("T", " ") if text.endswith("Z") and text[4:5] == "-" else text
