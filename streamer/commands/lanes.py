"""``lanes``: show the state of each lane, and restart a stopped one."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.queries.lanes import LaneStatus

LANE = Annotated[int, typer.Argument(metavar="LANE", min=0, help="Lane number.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="lanes",
        help="Show each lane's offset, lag and owner, and why a stopped lane stopped.\n\nExample:  streamer lanes",
        invoke_without_command=True,
        pretty_exceptions_enable=False,
    )
    group.callback()(show)
    group.command("skip")(skip)
    group.command("resume")(resume)
    app.add_typer(group)


def show(context: typer.Context, json: Json = False) -> None:
    """Show each lane's offset, lag and owner, and why a stopped lane stopped.

    Exits with code 1 if a lane has stopped.
    """
    if context.invoked_subcommand is not None:
        return
    from streamer.queries.lanes import lanes

    with connections() as to:
        found, language = lanes(to), to.settings.language
    if json:
        common.print_json([asdict(one) for one in found])
    else:
        _print(found, messages(language))
    if any(one.why for one in found):
        raise typer.Exit(common.EXIT_ERROR)


def skip(
    place: Annotated[
        str, typer.Argument(metavar="LANE:OFFSET", help="Position of the blocking record, as LANE:OFFSET.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
) -> None:
    """Move the record that blocks a lane to the dead letters, and continue after it.

    The dead letter keeps the record. To send it again, run `streamer deadletters replay --reason poison`. The lane
    continues once its worker has released and reacquired it.

    Example:  streamer lanes skip 3:1041
    """
    lane, colon, offset = place.partition(":")
    if not (colon and lane.isdigit() and offset.isdigit()):
        raise typer.BadParameter(
            f"{place!r} is not of the form LANE:OFFSET, for example 3:1041", param_hint="LANE:OFFSET"
        )
    from streamer.runtime import lane_release
    from streamer.runtime.roles import Start
    from streamer.runtime.wiring import wiring

    with connections() as to:
        _check(int(lane), to.lanes)
        if not yes:
            common.confirm(f"make record {offset} of lane {lane} a dead letter?")
        wired = wiring(to.settings, Start(to.embedded_kafka, to.embedded_redis))
        stands = asyncio.run(lane_release.skip(wired, int(lane), int(offset)))
    common.console().print(f"record {offset} of lane {lane} is now a dead letter; the lane resumes at offset {stands}")


def resume(lane: LANE) -> None:
    """Retry a stopped lane from the record that stopped it. Nothing is skipped.

    Example:  streamer lanes resume 3
    """
    from streamer.runtime import lane_release
    from streamer.runtime.roles import Start
    from streamer.runtime.wiring import wiring

    with connections() as to:
        _check(lane, to.lanes)
        note = to.view.troubles().get(lane)
        if note is None:
            common.note(f"lane {lane} has not stopped")
            return
        wired = wiring(to.settings, Start(to.embedded_kafka, to.embedded_redis))
        asyncio.run(lane_release.resume(wired, lane))
    common.console().print(f"lane {lane} tries again from offset {note.offset}")


def _check(lane: int, lanes: int) -> None:
    if lane >= lanes:
        raise UserError(f"no such lane: {lane}", f"lanes are numbered 0 to {lanes - 1}")


def _print(found: list[LaneStatus], texts: Messages) -> None:
    from schemas.wire_time import iso

    table = Table(*texts("lanes head").split("|"))
    for one in found:
        waiting = f"{one.lag:,}"
        if one.hidden:
            waiting = texts("lanes hidden", waiting=waiting, hidden=one.hidden)
        clock = iso(one.clock) if one.clock else "-"
        if one.ahead:
            clock = texts("lanes ahead", clock=clock)
        owner, stopped = one.owner or texts("lanes nobody"), one.why or texts("lanes runs")
        table.add_row(str(one.lane), f"{one.offset:,}", waiting, owner, clock, stopped)
    out = common.console()
    out.print(table)
    for one in found:
        if one.why:
            out.print(texts("lane stopped", lane=one.lane, offset=one.offset, why=one.why, hint=one.hint), markup=False)
        if one.ahead:
            out.print(texts("lane ahead", lane=one.lane), markup=False)
