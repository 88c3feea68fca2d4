"""``deadletters list`` and ``show``: show the records that could not be applied, and why."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from models.messages.count import Count
from schemas.errors import UserError
from schemas.screen_text import line
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from schemas.deadletters import DeadLetter
    from schemas.records import Headers
    from schemas.signing import ControlKeys
    from streamer.queries.deadletters import Found


def register(app: typer.Typer) -> None:
    deadletters = common.group(
        "deadletters", "Inspect and resend records that could not be applied.", "streamer deadletters list --limit 20"
    )
    deadletters.command("list")(list_)
    deadletters.command("show")(show)
    deadletters.command("replay")(replay)
    app.add_typer(deadletters)


def list_(
    reason: Annotated[
        str | None,
        typer.Option("--reason", "-r", help=("Show only dead letters with this reason, for example invalid_field.")),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Number of dead letters to show.")] = 50,
    json: Json = False,
) -> None:
    """List the most recent dead letters, newest last. Pass the first column to `deadletters show`.

    Example:  streamer deadletters list --reason invalid_field
    """
    from schemas.deadletters import REASONS
    from streamer.queries.deadletters import letters, newest

    if reason is not None and reason not in REASONS:
        raise typer.BadParameter(f"one of {', '.join(sorted(REASONS))}", param_hint="--reason")
    with connections() as to, common.progress("reading the dead letters"):
        total, shown = newest(letters(to.kafka), limit, reason)
    if json:
        common.print_json({"total": total, "dead_letters": [found.shown() for found in shown]})
        return
    out = common.console()
    for found in shown:
        letter = found.letter
        out.print(
            line(
                f"{found.place:>8}  {_time(letter.timestamp)}  {letter.reason:<16} {letter.message}"
                f"  (lane {letter.partition}, offset {letter.offset})"
            ),
            markup=False,
        )
    if total > len(shown):
        out.print(f"{Count(total - len(shown)):|older one} {Count(total - len(shown)):~is|are} not shown; see --limit")
    if not total:
        out.print("no dead letters" if reason is None else f"no dead letters with the reason {reason}")


def show(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PARTITION:OFFSET", help=("Position of the dead letter, as printed by `deadletters list`.")
        ),
    ],
    json: Json = False,
) -> None:
    """Show a dead letter: its reason, its headers, and the bytes received.

    Example:  streamer deadletters show 3:41
    """
    from schemas.deadletters import parse_headers
    from schemas.topics import DEADLETTERS
    from streamer.adapters.client import read
    from streamer.queries.deadletters import Found, printable

    partition, colon, offset = place.partition(":")
    if not (colon and partition.isdigit() and offset.isdigit()):
        raise typer.BadParameter(
            f"{place!r} is not of the form PARTITION:OFFSET, for example 3:41", param_hint="PARTITION:OFFSET"
        )
    at = int(partition), int(offset)
    with connections() as to:
        record = next(iter(read(to.kafka, DEADLETTERS, at=at)), None)
    if record is None or record.offset != at[1]:
        raise UserError(f"no dead letter at {place}", "list the positions with `streamer deadletters list`")
    found = Found(record, parse_headers(record.headers))
    if json:
        headers = {name: value.decode("utf-8", "backslashreplace") for name, value in found.letter.headers}
        value = None if record.value is None else record.value.decode("utf-8", "backslashreplace")
        common.print_json({**found.shown(), "headers": headers, "value": value})
        return
    letter, out = found.letter, common.console()
    out.print(f"reason   {letter.reason}: {letter.message}", markup=False)
    out.print(f"stage    {letter.stage}")
    if letter.cut:
        out.print(f"cut      {letter.cut}", markup=False)
    out.print(f"record   {letter.topic}, partition {letter.partition}, offset {letter.offset}", markup=False)
    out.print(f"appended {_time(letter.timestamp)}")
    out.print(f"key      {line(printable(record.key))}", markup=False)
    for name, raw in letter.headers:
        out.print(line(f"header   {name}: {printable(raw)}"), markup=False)
    out.print(f"value    {0 if record.value is None else len(record.value):,} bytes")
    # Indented, so that no line of the record can be mistaken for ours.
    out.print(indent(printable(record.value), "    "), markup=False)


def replay(
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Reason of the dead letters to send, for example unknown_currency.")
    ],
    repaired: Annotated[
        Path | None,
        typer.Option(help=("Path of a file with repaired events to send instead, as JSON Lines in the same order.")),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
) -> None:
    """Send the dead letters of one reason to the input again, after you have fixed their cause.

    Events that were applied in the meantime count as duplicates. Events that are still invalid become dead letters
    again.

    Example:  streamer deadletters replay --reason unknown_currency
    """
    from schemas.control import CONTROL_HEADER
    from schemas.deadletters import REASONS
    from schemas.signing import time_number
    from schemas.topics import EVENTS
    from streamer.adapters.client import sender
    from streamer.queries.deadletters import letters

    if reason not in REASONS:
        raise typer.BadParameter(f"one of {', '.join(sorted(REASONS))}", param_hint="--reason")
    with connections() as to:
        with common.progress("reading the dead letters"):
            found = [one for one in letters(to.kafka) if one.letter.reason == reason]
        if repaired is not None:
            bodies: list[bytes | None] = [*_repaired(repaired, len(found))]
        else:
            found = _whole(found)
            bodies = [one.record.value for one in found]
        if found and not yes:
            common.confirm(f"send {Count(len(found)):|record} again?")
        with sender(to.kafka, EVENTS, to.lanes) as out:
            for number, (one, body) in enumerate(zip(found, bodies, strict=True), time_number()):
                control = any(name == CONTROL_HEADER for name, _ in one.letter.headers)
                # A control record belongs to its lane and has no key to find it by.
                lane = one.letter.partition if control else None
                keys = to.settings.control_keys
                headers = _signed_anew(one.letter, body, number, keys) if control else one.letter.headers
                out.send(one.record.key, body, headers, partition=lane)
    common.console().print(f"{Count(len(found)):|record} sent again")


def _signed_anew(letter: DeadLetter, body: bytes | None, number: int, keys: ControlKeys | None) -> Headers:
    """Return the headers of a control record, signed anew because a user checked it and resends it."""
    from schemas.signing import SIGNATURE_HEADER, Seal
    from schemas.topics import EVENTS

    headers = [header for header in letter.headers if header[0] != SIGNATURE_HEADER]
    if keys is None or body is None:
        return headers
    return [*headers, keys.header(EVENTS, letter.partition, Seal("replay", number), body)]


def _whole(found: list[Found]) -> list[Found]:
    """Return the dead letters stored in full, and report how many were not."""
    if cut := sum(bool(one.letter.cut) for one in found):
        common.note(f"{cut:,} of them were too large to be stored completely and cannot be sent again")
    return [one for one in found if not one.letter.cut]


def _repaired(path: Path, count: int) -> list[bytes]:
    """Return the events of a file, one per line. Raises UserError unless there are ``count``."""
    bodies = [line for line in common.existing_file(str(path)).read_bytes().splitlines() if line.strip()]
    if len(bodies) != count:
        raise UserError(
            f"{path} has {Count(len(bodies)):|event}, but there {Count(count):~is|are} "
            f"{Count(count):|dead letter} with that reason",
            "list them in order with `streamer deadletters list --json`",
        )
    return bodies


def _time(at: int) -> str:
    from schemas.wire_time import iso

    return iso(at)
