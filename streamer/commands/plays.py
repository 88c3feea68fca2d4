"""``plays``: check a file of plays, try it on the past, start it, and see what becomes of its messages."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.plays_report import report
from streamer.queries.plays import (
    changes_since,
    declared_in,
    kept,
    policy_of,
    profiles,
    segments_in_force,
    segments_or_defaults,
    shown,
    standing,
    started_in,
)

if TYPE_CHECKING:
    from schemas.act import PlayCommand
    from streamer.client.connections import Connections

Name = Annotated[str, typer.Argument(metavar="PLAY", help="Its name in the file.")]
File = Annotated[
    Path, typer.Option("--file", "-f", help="The file of plays; its templates are in templates/ beside it.")
]
Release = Annotated[bool, typer.Option("--release", help="Send them after all.")]
Drop = Annotated[bool, typer.Option("--drop", help="Let go of them.")]
OfPlay = Annotated[str | None, typer.Option("--play", help="Only messages of this play.")]
OfId = Annotated[str | None, typer.Option("--message", help="Only the message with this id.")]
PLAYS = Path("plays.toml")
_NOBODY = "no `streamer act` has answered: what you ordered takes effect as soon as one runs"
_SHOWN = 20
_DAY_MS = 86_400_000


def register(app: typer.Typer) -> None:
    plays = common.group("plays", "Messages that segment changes cause: check, preview, start and watch plays.")
    for name, command in (
        ("check", check),
        ("preview", preview),
        ("test", test),
        ("start", start),
        ("pause", pause),
        ("stop", stop),
        ("list", list_),
        ("show", show),
        ("report", report),
        ("waiting", waiting),
        ("doubtful", doubtful),
        ("failed", failed),
    ):
        plays.command(name)(command)
    app.add_typer(plays)


# -- before the start -----------------------------------------------------------------------------------------


def check(file: Annotated[Path, typer.Argument(help="The file of plays.")] = PLAYS, json: Json = False) -> None:
    """Check a file of plays and its templates against the segmentations in force; nothing is started.

    Example:  streamer plays check plays.toml
    """
    from streamer.act.reader import book_of

    book = book_of(file, segments_or_defaults())
    answer = {"plays": list(book.plays), "channels": list(book.channels), "templates": sorted(book.templates)}
    if json:
        common.print_json(answer)
        return
    out = common.console()
    out.print(f"{file}: {len(book.plays)} plays, {len(book.templates)} templates: all right", markup=False)
    for play in book.plays.values():
        out.print(f"  {play.name}: {play.kind}, by {play.channel}", markup=False)


def preview(
    name: Annotated[
        str | None, typer.Argument(metavar="[PLAY]", help="One play; all of the file unless given.")
    ] = None,
    file: File = PLAYS,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days back.")] = 30,
    who: Annotated[bool, typer.Option("--who", help="Name the first customers of each outcome.")] = False,
    json: Json = False,
) -> None:
    """What plays would have done with the changes of the last days, gate by gate. Nothing is sent.

    The planner is the one that sends. Profiles are those of today: older ones are not kept.

    Example:  streamer plays preview win_back --days 30 --who
    """
    from dataclasses import asdict

    from streamer.act.preview import Preview
    from streamer.act.reader import book_of, state_of

    with connections() as to:
        book = book_of(file, segments_in_force(to))
        names = list(book.plays) if name is None else [declared_in(book, name).name]
        until = time.time_ns() // 1_000_000
        changes = sorted(
            changes_since(to, until - days * _DAY_MS), key=lambda one: (one.changed_ms, one.customer_id, one.seq)
        )
        customers = {one.id: one for one in profiles(to, {change.customer_id for change in changes})}
        of = sum(ledger.customers for ledger in to.view.ledgers())
        held = state_of(to.kafka)
        run = Preview(
            book,
            names,
            customers,
            policy_of(to),
            of=of,
            suppressed=held.suppressed,
            coupons=held.coupons,
            language=to.settings.language,
        )
        funnels = run.run(changes, until)
    answer = {name: asdict(funnel) for name, funnel in funnels.items()}
    if json:
        common.print_json({"days": days, "changes": len(changes), "plays": answer})
        return
    out = common.console()
    out.print(f"{len(changes):,} changes of the last {days} days; profiles of today are assumed", markup=False)
    for name, funnel in answer.items():
        _print_funnel(name, funnel)
        if who:
            for outcome, ids in funnel["who"].items():
                out.print(f"    {outcome}: {', '.join(ids)}", markup=False)


def test(
    name: Name,
    customer: Annotated[str, typer.Option("--customer", "-c", help="Fill the template for this customer.")],
    to_address: Annotated[
        str | None, typer.Option("--to", help="Send it there, by the play's own channel; only shown unless given.")
    ] = None,
    file: File = PLAYS,
) -> None:
    """Show one message as a customer would get it, or send it to yourself. No cap, holdout or counter is touched.

    Example:  streamer plays test win_back --customer 17850 --to me@shop.example
    """
    from streamer.act.reader import book_of

    with connections() as to:
        book = book_of(file, segments_in_force(to))
        play = declared_in(book, name)
        found = to.view.customer(customer)
        if found is None:
            raise UserError(f"no customer {customer} is known", "check the id")
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
            raise UserError(f"it was not sent: {answer.detail}", "check the channel in the file")
        common.note(f"sent to {to_address}")


# -- orders ---------------------------------------------------------------------------------------------------


def start(name: Name, file: File = PLAYS, json: Json = False) -> None:
    """Start a play, or go on with one that is paused, by the file as it is now.

    A play knows only changes from its start on. Messages that wait keep the version of the file they were planned by.

    Example:  streamer plays start win_back
    """
    from schemas.act import PlayCommand
    from streamer.act.reader import book_of

    with connections() as to:
        segments = segments_in_force(to)
        book = book_of(file, segments)
        declared_in(book, name)
        order = PlayCommand(
            action="start",
            play=name,
            text=book.text,
            templates=dict(book.templates),
            segments={one: None if ids is None else tuple(sorted(ids)) for one, ids in segments.items()},
            source=book.source,
        )
        _give(to, order, f"{name} runs", json)


def pause(name: Name, json: Json = False) -> None:
    """Send nothing more of a play for now; it still plans, and its messages expire as they would.

    Example:  streamer plays pause win_back
    """
    _order("pause", name, f"{name} is paused; `streamer plays start {name}` goes on", json)


def stop(name: Name, json: Json = False) -> None:
    """End a play: what waits is dropped, and a new start draws new holdouts.

    Example:  streamer plays stop win_back
    """
    _order("stop", name, f"{name} is stopped", json)


def _order(action: Literal["pause", "stop"], name: str, answer: str, json: bool) -> None:
    from schemas.act import PlayCommand
    from streamer.act.reader import state_of

    with connections() as to:
        started_in(state_of(to.kafka), name)
        _give(to, PlayCommand(action=action, play=name), answer, json)


def _give(to: Connections, order: PlayCommand, answer: str, json: bool) -> None:
    from streamer.act.reader import give

    done = give(to.kafka, order, to.settings.control_key_bytes)
    if json:
        common.print_json({"play": order.play, "action": order.action, "done": done})
    else:
        common.console().print(answer if done else _NOBODY, markup=False)


# -- how it goes ----------------------------------------------------------------------------------------------


def list_(json: Json = False) -> None:
    """All plays that were ever started, and what became of their messages."""
    from streamer.act.reader import state_of

    with connections() as to:
        state = state_of(to.kafka)
    answer = {name: standing(name, play, state) for name, play in state.ledger.plays.items()}
    if json:
        common.print_json(answer)
        return
    if not answer:
        common.console().print("no play was started yet: `streamer plays start PLAY`", markup=False)
    for name, one in answer.items():
        _print_funnel(f"{name} ({one['status']}{', ' + one['why'] if one['why'] else ''})", one)


def show(name: Name, json: Json = False) -> None:
    """One play: how it stands, and where its messages end.

    Example:  streamer plays show win_back
    """
    from streamer.act.reader import state_of

    with connections() as to:
        state = state_of(to.kafka)
    play = started_in(state, name)
    answer = standing(name, play, state)
    if json:
        common.print_json(answer)
        return
    out = common.console()
    _print_funnel(f"{name} ({answer['status']}{', ' + answer['why'] if answer['why'] else ''})", answer)
    declared = state.books[play.version].plays[name]
    out.print(f"  version {play.version} of the file, since {answer['since']}; {declared.kind}, by {declared.channel}")
    if declared.condition is not None:
        out.print(f"  if: {declared.condition.text}", markup=False)


def waiting(play: OfPlay = None, json: Json = False) -> None:
    """Messages that wait: for their time, for the end of quiet hours, for a rate or a budget."""
    _messages("waiting", play, None, False, False, json)


def doubtful(
    play: OfPlay = None, message: OfId = None, release: Release = False, drop: Drop = False, json: Json = False
) -> None:
    """Messages that may or may not have been sent. They are not sent again unless you release them.

    Example:  streamer plays doubtful --play win_back --release
    """
    _messages("doubtful", play, message, release, drop, json)


def failed(
    play: OfPlay = None, message: OfId = None, release: Release = False, drop: Drop = False, json: Json = False
) -> None:
    """Messages that surely were not sent, and are not tried any more.

    Example:  streamer plays failed --play win_back --release
    """
    _messages("failed", play, message, release, drop, json)


def _messages(
    status: Literal["waiting", "doubtful", "failed"],
    play: str | None,
    message: str | None,
    release: bool,
    drop: bool,
    json: bool,
) -> None:
    from schemas.act import PlayCommand
    from streamer.act.reader import state_of

    if release and drop:
        raise typer.BadParameter("a message is either released or dropped", param_hint="--release")
    with connections() as to:
        found = sorted(kept(state_of(to.kafka), status, play, message), key=lambda one: one.due)
        if (release or drop) and status != "waiting":
            for name in sorted({one.play for one in found}):
                action: Literal["release", "drop"] = "release" if release else "drop"
                order = PlayCommand(action=action, play=name, status=status, message_id=message)
                count = sum(one.play == name for one in found)
                _give(to, order, f"{name}: {count} {'are sent' if release else 'are dropped'}", json)
            return
    answer = [shown(one) for one in found]
    if json:
        common.print_json(answer)
        return
    out = common.console()
    out.print(f"{len(answer):,} {status}", markup=False)
    for one in answer[:_SHOWN]:
        out.print(f"  {one['message_id']}  {one['play']}  customer {one['customer_id']}  {one['why']}", markup=False)


def _print_funnel(title: str, answer: dict[str, Any]) -> None:
    out = common.console()
    out.print(title, markup=False)
    kept = [(name, answer[name]) for name in ("sent", "withheld", "waiting", "failed", "doubtful") if answer.get(name)]
    gates = [
        (f"dropped at {gate}", count) for gate, count in sorted(answer["dropped"].items(), key=lambda one: -one[1])
    ]
    out.print(f"  {answer['planned']:>8,} planned", markup=False)
    for name, count in (*kept, *gates):
        out.print(f"  {count:>8,} {name}", markup=False)
    for template, count in answer.get("templates", {}).items():
        out.print(f"           {template}: {count:,}", markup=False)
