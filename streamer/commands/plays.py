"""``plays``: check a file of plays, and try it on the past or on one customer. Other modules have orders and results."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common, plays_first, plays_orders, plays_report, plays_results
from streamer.commands.common import Json
from streamer.commands.plays_orders import PLAYS, TURN_ON, File, Name
from streamer.commands.plays_results import print_funnel, print_power, print_who
from streamer.queries.plays import (
    declared_in,
    of_customers,
    previewed,
    segments_in_force,
    segments_or_defaults,
    switched_off,
    with_shipped,
)

if TYPE_CHECKING:
    from streamer.act.plays.book import Book, Segments


def register(app: typer.Typer) -> None:
    plays = common.group(
        "plays",
        "Manage plays: messages that segment changes trigger.",
        "streamer plays preview win_back --file plays.toml",
    )
    for name, command in (
        ("check", check),
        ("preview", preview),
        ("test", test),
        ("start", plays_orders.start),
        ("first", plays_first.first),
        ("pause", plays_orders.pause),
        ("stop", plays_orders.stop),
        ("list", plays_results.list_),
        ("show", plays_results.show),
        ("report", plays_report.report),
        ("waiting", plays_results.waiting),
        ("doubtful", plays_results.doubtful),
        ("failed", plays_results.failed),
    ):
        plays.command(name)(command)
    app.add_typer(plays)


# -- before the start -----------------------------------------------------------------------------------------


def check(file: Annotated[Path, typer.Argument(help="Path of the plays file.")] = PLAYS, json: Json = False) -> None:
    """Check a plays file and its templates against the active segmentations. Starts nothing.

    Example:  streamer plays check plays.toml
    """
    from streamer.act.reader import book_of

    in_force = segments_or_defaults()
    book = book_of(file, with_shipped(in_force))
    answer = {"plays": list(book.plays), "channels": list(book.channels), "templates": sorted(book.templates)}
    if json:
        common.print_json(answer)
        return
    out = common.console()
    out.print(
        f"{file}: {Count(len(book.plays)):|play}, {Count(len(book.templates)):|template}: all right", markup=False
    )
    for play in book.plays.values():
        out.print(f"  {play.name}: {play.kind}, by {play.channel}", markup=False)
    _warn_of_switched_off(book, in_force)


def _warn_of_switched_off(book: Book, in_force: Segments) -> None:
    """Warn about plays that do nothing because a segmentation is not in force."""
    for play in book.plays.values():
        if (name := switched_off(play, in_force)) is not None:
            common.note(f"{play.name} has no effect until the segmentation {name} is active: {TURN_ON}")


def preview(
    name: Annotated[
        str | None, typer.Argument(metavar="[PLAY]", help="Name of the play. Default: all plays in the file.")
    ] = None,
    file: File = PLAYS,
    days: Annotated[int, typer.Option(min=1, max=400, help="Number of past days to include.")] = 30,
    who: Annotated[bool, typer.Option("--who", help="List the first customers for each outcome.")] = False,
    json: Json = False,
) -> None:
    """Show what plays would have done with recent changes, gate by gate. Sends nothing.

    Uses the same planner as sending. Profiles are today's, because earlier ones are not stored.

    Example:  streamer plays preview win_back --days 30 --who
    """
    from streamer.act.reader import book_of

    with connections() as to:
        in_force = segments_in_force(to)
        book = book_of(file, with_shipped(in_force))
        _warn_of_switched_off(book, in_force)
        names = list(book.plays) if name is None else [declared_in(book, name).name]
        changes, answer = previewed(to, book, names, days, time.time_ns() // 1_000_000)
    if json:
        common.print_json({"days": days, "changes": changes, "plays": answer})
        return
    out = common.console()
    out.print(f"{Count(changes):|change} of the last {Count(days):|day}; profiles of today are assumed", markup=False)
    for name, funnel in answer.items():
        print_funnel(name, funnel)
        print_power(funnel)
        if who:
            print_who(funnel)


def test(
    name: Name,
    customer: Annotated[str, typer.Option("--customer", "-c", help="Id of the customer to render the message for.")],
    to_address: Annotated[
        str | None,
        typer.Option(
            "--to", help="Address to send the message to, through the play's channel. Default: only show the message."
        ),
    ] = None,
    file: File = PLAYS,
) -> None:
    """Render one message for a customer, or send it to yourself. Caps, holdouts and counters do not change.

    Example:  streamer plays test win_back --customer 17850 --to me@shop.example
    """
    from streamer.act.reader import book_of

    with connections() as to:
        book = book_of(file, with_shipped(segments_in_force(to)))
        play = declared_in(book, name)
        of_customers(play)
        found = to.view.customer(customer)
        if found is None:
            raise UserError(f"no such customer: {customer}", "check the id")
        from streamer.act.trial import trial

        rendered, answer = asyncio.run(trial(to.settings, book, play, found.customer, to_address, to.embedded_kafka))
    out = common.console()
    for part, text in rendered.parts.items():
        out.print(f"-- {part}", markup=False)
        out.print(text, markup=False)
    if not rendered.parts:
        common.print_json(rendered.data)
    if answer is not None:
        if answer.kind != "sent":
            raise UserError(f"message not sent: {answer.detail}", "check the channel in the plays file")
        common.note(f"sent to {to_address}")
